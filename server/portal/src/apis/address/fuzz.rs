//! Addresses of upstreams and origins, beside a parser that reads them as browsers do (WHATWG URL).
//!
//! Every run takes other addresses, for a tenth of a second each; `make fuzz` takes its time. Whatever fails prints a seed
//! with which it fails again, and becomes a test with a name beside its parser.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use url::Url;

use super::*;

const SIZE_MAX: u32 = 512;

const PIECES: [&str; 40] = [
    "example.com",
    "api",
    ".",
    "/",
    "/v1",
    ":",
    "8080",
    "443",
    "0",
    "65536",
    "@",
    "user",
    "?",
    "#",
    "\\",
    "[",
    "]",
    "[::1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "localhost",
    "LOCALHOST",
    ".local",
    ".internal",
    "%2e",
    "..",
    "%",
    "-",
    "_",
    "é",
    "。",
    "\u{ad}",
    "\t",
    "\n",
    "１２７.0.0.1",
];

fn any_address(u: &mut Unstructured<'_>) -> Result<String> {
    let mut address = (*u.choose(&["https://", "http://", "https:/", "HTTP://", "https:", ""])?).to_owned();
    if u.arbitrary()? {
        address = "https://".to_owned();
    }
    for _ in 0..u.int_in_range(0..=8)? {
        match u.int_in_range(0..=7)? {
            0 => address.push(u.arbitrary()?),
            1 => address.push(char::from(u.int_in_range(0x20_u8..=0x7e)?)),
            _ => address.push_str(u.choose(&PIECES)?),
        }
    }
    Ok(address)
}

fn taken(address: &str, private_is_fine: bool) -> Option<String> {
    let mut check = Check::default();
    let address = upstream(&mut check, "upstream_url", address, private_is_fine);
    check.finish().is_ok().then_some(address)
}

/// Attack case 21. Claims: S002-17
#[test]
fn an_upstream_that_is_taken_leads_where_every_reader_of_its_address_goes() {
    arbtest(|u| {
        let typed = any_address(u)?;
        let Some(address) = taken(&typed, true) else {
            assert_eq!(taken(&typed, false), None, "{typed:?}");
            return Ok(());
        };
        let url = Url::parse(&address).unwrap_or_else(|error| panic!("{address:?}: {error}"));
        assert!(matches!(url.scheme(), "http" | "https") && !url.cannot_be_a_base(), "{address:?}");
        assert_eq!(
            (url.username(), url.password(), url.query(), url.fragment()),
            ("", None, None, None),
            "{address:?}"
        );
        // Nothing had to be decoded, resolved or cut for it to be read: only letters change their case.
        let rest = address.split_once("://").unwrap().1;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        assert_eq!(url.path(), if path.is_empty() { "/" } else { path }, "{address:?}");
        let written = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap()),
            None => url.host_str().unwrap().to_owned(),
        };
        let is_literal = matches!(url.host(), Some(url::Host::Ipv6(_)));
        let plain = authority.trim_end_matches(":80").trim_end_matches(":443").to_ascii_lowercase();
        let port_has_zeros = authority.rsplit_once(':').is_some_and(|(_, port)| port.starts_with('0'));
        if !is_literal && !port_has_zeros {
            assert!(written == plain || written == authority.to_ascii_lowercase(), "{address:?} is {written:?}");
        }
        // What leads home for a browser leads home for us.
        let leads_home = match url.host().unwrap() {
            url::Host::Ipv4(address) => is_private(address.into()),
            url::Host::Ipv6(address) => is_private(address.into()),
            url::Host::Domain(name) => {
                !name.contains('.')
                    || ["localhost", "local", "internal"].iter().any(|zone| name.ends_with(&format!(".{zone}")))
            }
        };
        assert!(!leads_home || taken(&typed, false).is_none(), "{address:?} leads home");
        Ok(())
    })
    .size_max(SIZE_MAX);
}

#[test]
fn an_origin_that_is_taken_is_one_scheme_one_host_and_one_port_to_every_reader() {
    arbtest(|u| {
        let typed = any_address(u)?;
        if is_origin(&typed) {
            let url = Url::parse(&typed).unwrap_or_else(|error| panic!("{typed:?}: {error}"));
            assert!(matches!(url.scheme(), "http" | "https"), "{typed:?}");
            assert_eq!((url.username(), url.password(), url.path()), ("", None, "/"), "{typed:?}");
            assert_eq!((url.query(), url.fragment()), (None, None), "{typed:?}");
            assert!(url.origin().is_tuple(), "{typed:?}");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}
