//! Where the gateway may forward to: the address of an upstream, and whether it leads into a private network.
//!
//! Staff who register an API could otherwise make the gateway ask machines that only it can reach (server-side request
//! forgery): the cloud's metadata, a database, the portal itself. What an address says is refused here; to what a name
//! resolves the gateway looks when it connects.

use std::net::IpAddr;

use contract::apis::UPSTREAM_MAX;
use contract::fields::{Check, Problem};
use contract::networks::is_private;

/// An upstream's address, without the slash at its end: `http` or `https`, a host, perhaps a port and a path; no user,
/// query or fragment.
pub(super) fn upstream(check: &mut Check, field: &str, value: &str, private_is_fine: bool) -> String {
    let value = value.trim().trim_end_matches('/');
    if value.is_empty() {
        check.refuse(field, Problem::Empty);
    } else if value.len() > UPSTREAM_MAX {
        check.refuse(field, Problem::TooLong { max: UPSTREAM_MAX as u32 });
    } else {
        match host_of(value).and_then(Host::read) {
            None => check.refuse(field, Problem::NotAUrl),
            Some(host) if host.is_private() && !private_is_fine => check.refuse(field, Problem::PrivateAddress),
            Some(_) => {}
        }
    }
    value.to_owned()
}

/// An origin, as browsers send it: a scheme, a host and perhaps a port, nothing else.
pub(super) fn is_origin(value: &str) -> bool {
    let Some(authority) = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")) else {
        return false;
    };
    !authority.contains('/')
        && !authority.bytes().any(|byte| byte.is_ascii_uppercase())
        && host_of(value).and_then(Host::read).is_some()
}

/// The host in an address that has the form of one.
fn host_of(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path_fits = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte))
        && !path.split('/').skip(1).any(|segment| matches!(segment, "" | "." | ".."));
    let end_of_literal = if authority.starts_with('[') { authority.find(']')? + 1 } else { 0 };
    let host_length = authority[end_of_literal..].find(':').map_or(authority.len(), |at| end_of_literal + at);
    let (host, port) = authority.split_at(host_length);
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0)
        });
    (path_fits && port_fits).then_some(host)
}

/// A host: a number, or a name.
enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl<'a> Host<'a> {
    fn read(text: &'a str) -> Option<Self> {
        if let Some(literal) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return literal.parse().ok().map(|address| Self::Address(IpAddr::V6(address)));
        }
        let labels_fit = text.len() <= 253
            && text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            });
        // Whoever reads hosts like a browser takes `127.1`, `0x7f000001` and `2130706433` for numbers too; we refuse
        // them, so that nobody who reads them differently decides where they lead.
        let last = text.rsplit('.').next()?;
        let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
            || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (labels_fit, is_number) {
            (false, _) => None,
            (true, true) => text.parse().ok().map(|address| Self::Address(IpAddr::V4(address))),
            (true, false) => Some(Self::Name(text)),
        }
    }

    fn is_private(&self) -> bool {
        match self {
            Self::Address(address) => is_private(*address),
            Self::Name(name) => {
                let name = name.to_ascii_lowercase();
                let within = |zone: &str| name == zone || name.ends_with(&format!(".{zone}"));
                // A name without a dot is looked up in the network's own domain.
                !name.contains('.') || ["localhost", "local", "internal", "home.arpa"].into_iter().any(within)
            }
        }
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(address: &str, private_is_fine: bool) -> Option<Problem> {
        let mut check = Check::default();
        upstream(&mut check, "upstream_url", address, private_is_fine);
        check.finish().err().and_then(|problems| problems.first().map(|field| field.problem))
    }

    #[test]
    fn an_upstream_on_the_internet_is_accepted() {
        for address in [
            "https://api.example.com",
            "http://api.example.com:8080/v1",
            "https://api.example.com/v1/",
            "https://93.184.216.34",
            "http://[2606:2800:220:1:248:1893:25c8:1946]:8443/x",
            "https://localhost.example.com",
            "https://172.32.0.1",
            "https://100.128.0.1",
            "https://my_host.example.com",
        ] {
            assert_eq!(problem(address, false), None, "{address}");
        }
    }

    /// Claims: S002-17
    #[test]
    fn an_upstream_inside_a_private_network_is_refused_unless_the_settings_allow_it() {
        for host in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "postgres",
            "router.home.arpa",
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.7",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[::7f00:1]",
            "[fe80::1]",
            "[fec0::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[3fff::1]",
            "[100::1]",
        ] {
            for address in [format!("http://{host}"), format!("https://{host}:8080/v1")] {
                assert_eq!(problem(&address, false), Some(Problem::PrivateAddress), "{address}");
                assert_eq!(problem(&address, true), None, "{address}");
            }
        }
    }

    #[test]
    fn what_different_readers_could_read_differently_is_refused_always() {
        for address in [
            "ftp://example.com",
            "//example.com",
            "example.com",
            "https://",
            "https:///x",
            "HTTPS://example.com",
            "https://user@example.com",
            "https://user:pass@example.com",
            "https://example.com?x=1",
            "https://example.com/#a",
            "https://example.com/a?b",
            "https://example.com:0",
            "https://example.com:65536",
            "https://example.com:+80",
            "https://example.com:",
            "https://example.com/a/../b",
            "https://example.com//a",
            "https://example.com/%2e%2e",
            "https://example.com/a b",
            "https://exa mple.com",
            "https://example.com\\a",
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://0177.0.0.1",
            "https://0x7f.0.0.1",
            "https://1.2.3.4.5",
            "https://256.1.1.1",
            "https://[::1",
            "https://::1",
            "https://[::1]x",
            "https://[fe80::1%25eth0]",
            "https://é.example",
            "https://-a.example",
            "https://a..example.com",
            "https://example.com.",
            "javascript:alert(1)",
            "https://example.com\r\nHost: x",
            "https://a\0.com",
        ] {
            for private_is_fine in [false, true] {
                assert_eq!(problem(address, private_is_fine), Some(Problem::NotAUrl), "{address:?}");
            }
        }
        assert_eq!(problem(" / ", false), Some(Problem::Empty));
        let long = format!("https://example.com/{}", "a".repeat(UPSTREAM_MAX));
        assert_eq!(problem(&long, false), Some(Problem::TooLong { max: 500 }));
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for origin in ["https://app.example.com", "http://localhost:3000", "https://127.0.0.1"] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in
            ["https://app.example.com/", "https://App.example.com", "app.example.com", "*", "null", "", "https://"]
        {
            assert!(!is_origin(other), "{other}");
        }
    }
}
