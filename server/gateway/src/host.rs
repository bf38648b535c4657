//! Whom a request is meant for, said once: a request that two programs on its way could read as meant for two hosts goes
//! nowhere.

use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Version};

/// Whether the host of a request is clear: HTTP/1.1 says it in exactly one `Host` (RFC 9112 §3.2), HTTP/2 in
/// `:authority`, and in a `Host` only if that says the same (RFC 9113 §8.3.1). HTTP/1.0 need not say it.
///
/// To whom it is then meant is of no interest here: the first path segment names the API.
pub(crate) fn is_clear(parts: &Parts) -> bool {
    let mut hosts = parts.headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() || !host.is_none_or(is_host) {
        return false;
    }
    match parts.version {
        Version::HTTP_2 => match (parts.uri.authority(), host) {
            (Some(authority), Some(host)) => authority.as_str().as_bytes().eq_ignore_ascii_case(host),
            (authority, host) => authority.is_some() || host.is_some(),
        },
        Version::HTTP_11 => host.is_some(),
        _ => true,
    }
}

/// A name or an address, and perhaps a port (RFC 9110 §7.2), without anything that some program could read as more.
fn is_host(host: &[u8]) -> bool {
    let place = |byte: u8| host.iter().position(|other| *other == byte);
    let (name, port) = match host.strip_prefix(b"[") {
        Some(inside) => {
            let Some(end) = place(b']') else { return false };
            let (address, rest) = (&inside[..end - 1], &inside[end..]);
            if !address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte)) {
                return false;
            }
            (address, rest)
        }
        None => {
            let (name, port) = host.split_at(place(b':').unwrap_or(host.len()));
            if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
                return false;
            }
            (name, port)
        }
    };
    let port_is_one = port.is_empty() || (port[0] == b':' && port[1..].iter().all(u8::is_ascii_digit));
    !name.is_empty() && port_is_one
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use http::Request;

    use super::*;

    fn is_clear(version: Version, uri: &str, hosts: &[&str]) -> bool {
        let request = Request::builder().version(version).uri(uri);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        super::is_clear(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn http_1_1_names_one_host_and_http_1_0_at_most_one() {
        for host in ["gateway.test", "gateway.test:8080", "127.0.0.1", "[::1]:80", "GATEWAY.test", "xn--caf-dma.test"] {
            assert!(is_clear(Version::HTTP_11, "/a", &[host]), "{host}");
            assert!(is_clear(Version::HTTP_10, "/a", &[host]), "{host}");
        }
        assert!(is_clear(Version::HTTP_10, "/a", &[]));
        assert!(!is_clear(Version::HTTP_11, "/a", &[]));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(!is_clear(version, "/a", &["a.test", "a.test"]));
            for host in [
                "",
                "a.test, b.test",
                "a.test b.test",
                "user@a.test",
                "[::1",
                "[]",
                "[::1]x",
                ":80",
                "a.test/b",
                "http://a.test",
                "a.test:80:81",
                "a\\b",
            ] {
                assert!(!is_clear(version, "/a", &[host]), "{host}");
            }
        }
    }

    #[test]
    fn http_2_names_it_in_its_own_field_and_contradicts_itself_nowhere() {
        assert!(is_clear(Version::HTTP_2, "http://a.test/a", &[]));
        assert!(is_clear(Version::HTTP_2, "http://a.test/a", &["a.test"]));
        assert!(is_clear(Version::HTTP_2, "/a", &["a.test"]));
        assert!(!is_clear(Version::HTTP_2, "http://a.test/a", &["b.test"]));
        assert!(!is_clear(Version::HTTP_2, "http://a.test/a", &["a.test", "a.test"]));
        assert!(!is_clear(Version::HTTP_2, "/a", &[]));
    }
}
