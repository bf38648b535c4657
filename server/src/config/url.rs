//! Addresses in settings: what may be one, and what of it may be shown.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use http::Uri;

/// How others reach a listener: `https://portal.example`, in lower case, without path and slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    host: String,
}

impl PublicUrl {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let host = uri.host().filter(|host| !host.is_empty())?.to_owned();
        // `http` reads `host:` and `host:99999` as a host without a port.
        let port = authority.strip_prefix(host.as_str())?;
        (port.is_empty() || uri.port_u16().is_some_and(|port| port != 0)).then_some(Self { text, host })
    }

    /// The text, for building links: append a path that starts with a slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a host is this machine: `localhost` and what ends with it (RFC 6761 §6.3), or an address of loopback.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_lowercase();
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// The address of a `SQLite` file that is made when it is not there.
pub(super) fn of_sqlite_file(file: &Path) -> String {
    // sqlx decodes percent signs and cuts at the question mark; a folder may have either in its name.
    let path = file.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}?mode=rwc")
}

/// The address with its password masked.
pub(super) fn without_password(url: &str) -> String {
    let masked = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (login, host) = rest[..end].rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:********@{host}{}", &rest[end..]))
    };
    let url = masked().unwrap_or_else(|| url.to_owned());
    // PostgreSQL also takes `?password=…`.
    match url.split_once('?') {
        Some((before, query)) => {
            let shown = query.split('&').map(|part| match part.split_once('=') {
                Some((name, _)) if name.to_lowercase().contains("password") => format!("{name}=********"),
                _ => part.to_owned(),
            });
            format!("{before}?{}", shown.collect::<Vec<_>>().join("&"))
        }
        None => url,
    }
}
