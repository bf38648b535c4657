//! What strangers send, against naive models of what every program on the way could make of it.
//!
//! Every run takes other requests, for a tenth of a second each; `make fuzz` takes its time. Whatever fails prints a seed
//! with which it fails again, and becomes a test with a name beside its parser.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use contract::Environment;
use contract::keys::format::{ALPHABET, RANDOM_LENGTH, assemble};
use contract::keys::hash::{KeyHash, KeyHasher};
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Version};
use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::address::client_of;
use crate::authenticate::Keyring;
use crate::path::is_unambiguous;
use crate::ports::{Grant, Identity, KeyDirectory};
use crate::routes::Routes;
use crate::{headers, host, verify};

/// Requests longer than this find nothing that shorter ones do not.
const SIZE_MAX: u32 = 1_024;

/// Programs decode once; careless ones twice; behind two of them stands a third.
const DECODINGS: usize = 3;

/// A text of pieces that mean something to somebody, and of some that mean nothing.
fn text_of(u: &mut Unstructured<'_>, pieces: &[&str]) -> Result<String> {
    let mut text = String::new();
    for _ in 0..u.int_in_range(0..=14)? {
        match u.int_in_range(0..=5)? {
            0 => text.push(u.arbitrary()?),
            1 => text.push(char::from(u.int_in_range(0x21_u8..=0x7e)?)),
            _ => text.push_str(u.choose(pieces)?),
        }
    }
    Ok(text)
}

/// Percent-encodes each byte so many times as chance has it, also those that need none, in either case of letters.
fn encoded(u: &mut Unstructured<'_>, text: &[u8], times_max: usize) -> Result<String> {
    let mut encoded = String::new();
    for byte in text {
        let times = u.int_in_range(0..=times_max)?;
        if times == 0 && byte.is_ascii() {
            encoded.push(char::from(*byte));
            continue;
        }
        // `%41`, then `%2541`, then `%252541`.
        encoded.push('%');
        encoded.push_str(&"25".repeat(times.saturating_sub(1)));
        encoded.push_str(&if u.arbitrary()? { format!("{byte:02x}") } else { format!("{byte:02X}") });
    }
    Ok(encoded)
}

/// Decoding as forgiving programs do it: what is no encoding stays.
fn decoded(text: &[u8]) -> Vec<u8> {
    let hex = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut bytes, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if let (b'%', Some(high), Some(low)) = (text[at], hex(at + 1), hex(at + 2)) {
            bytes.push((high * 16 + low) as u8);
            at += 3;
        } else {
            bytes.push(text[at]);
            at += 1;
        }
    }
    bytes
}

/// A text in all the readings that it has.
fn readings(text: &str) -> Vec<Vec<u8>> {
    let mut readings = vec![text.as_bytes().to_vec()];
    for _ in 0..DECODINGS {
        readings.push(decoded(readings.last().unwrap()));
    }
    readings
}

/// Where a path leads on a server that takes backslashes for slashes, cuts parameters off, and resolves dots; `None` above
/// its root.
fn resolved(path: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut stack = Vec::new();
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        match name {
            b"" | b"." => {}
            b".." => drop(stack.pop()?),
            _ => stack.push(name.to_vec()),
        }
    }
    Some(stack)
}

const PATH_PIECES: [&str; 30] = [
    "/",
    "/",
    "a",
    "v1",
    "sun",
    ".",
    "..",
    "...",
    "%2e",
    "%2E%2e",
    "%252e",
    "%25252e",
    "%2f",
    "%252f",
    "%5c",
    "\\",
    ";",
    ";x=y",
    "%3b",
    "%00",
    "%",
    "%2",
    "%25",
    "%c0%ae",
    "%25c0%25ae",
    "%c3%a9",
    "é",
    "{place}",
    "..;",
    "%%32e",
];

/// Attack case 19.
#[test]
fn a_path_that_is_let_through_stays_within_its_api_whoever_reads_it() {
    arbtest(|u| {
        let path = match u.int_in_range(0..=2)? {
            0 => format!("/almanac{}", text_of(u, &PATH_PIECES)?),
            1 => format!("/almanac/{}", text_of(u, &PATH_PIECES)?),
            // What is surely an attempt, encoded in ways nobody listed.
            _ => {
                let attempt =
                    *u.choose(&["../admin", "a/../../admin", "..\\admin", "./x", "a/..;p/../b", "a//../../b"])?;
                format!("/almanac/{}", encoded(u, attempt.as_bytes(), DECODINGS)?)
            }
        };
        if !is_unambiguous(&path) {
            return Ok(());
        }
        let slug = path[1..].split('/').next().unwrap();
        let raw: Vec<&str> = path[1..].split('/').collect();
        for reading in readings(&path) {
            let read = String::from_utf8_lossy(&reading).into_owned();
            let leads_to = resolved(&reading).unwrap_or_else(|| panic!("{path:?} read as {read:?} leaves the host"));
            let slug =
                readings(slug).into_iter().any(|slug| resolved(&slug).is_some_and(|slug| leads_to.starts_with(&slug)));
            assert!(slug, "{path:?} read as {read:?} leaves its API");
            // No reading has more or fewer segments, so templates match the same everywhere.
            let segments = reading.split(|byte| matches!(byte, b'/' | b'\\')).count() - 1;
            assert_eq!(segments, raw.len(), "{path:?} read as {read:?} has other segments");
            assert!(!reading.iter().any(u8::is_ascii_control), "{path:?} read as {read:?} holds a control character");
            // What is no UTF-8 is read in as many ways as there are programs.
            assert!(std::str::from_utf8(&reading).is_ok(), "{path:?} read as {read:?} is no text");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}

/// Attack case 19: a check that refused everything would hold too.
#[test]
fn a_path_of_plain_words_is_let_through_however_they_are_encoded_once() {
    arbtest(|u| {
        let mut path = String::from("/almanac");
        for _ in 0..u.int_in_range(0..=5)? {
            let word =
                *u.choose(&["v1", "S\u{e3}o Paulo", "a.b", "..a", "x;y=z", "100 %", "?", "#", "日本", "a+b&c=d"])?;
            path.push('/');
            path.push_str(&encoded(u, word.as_bytes(), 1)?.replace(' ', "%20"));
        }
        // A bare percent sign is no encoding, and refused as such.
        let is_encoded =
            path.split('%').skip(1).all(|rest| rest.get(..2).is_some_and(|two| u8::from_str_radix(two, 16).is_ok()));
        assert_eq!(is_unambiguous(&path), is_encoded, "{path}");
        Ok(())
    })
    .size_max(SIZE_MAX);
}

/// Attack case 19: the gateway decides on the template that the upstream finds, too.
#[test]
fn the_template_that_is_decided_on_is_the_one_that_a_plain_reading_of_the_path_finds() {
    let templates = ["/", "/v1", "/v1/sun", "/v1/{x}", "/v1/{x}/a", "/v1/sun/{y}", "/{z}/é"];
    let routes = Routes::new(templates.map(|template| ("get", template))).unwrap();
    // The most exact one: literal segments before parameters, from the left.
    let naive = |segments: &[String]| {
        let fits = |template: &&&str| {
            let parts: Vec<&str> = template[1..].split('/').collect();
            let is_one = |(part, segment): (&&str, &String)| {
                if part.starts_with('{') { !segment.is_empty() } else { *part == segment }
            };
            parts.len() == segments.len() && parts.iter().zip(segments).all(is_one)
        };
        templates.iter().filter(fits).min_by_key(|template| template.replace('{', "\u{ff}")).copied()
    };
    arbtest(|u| {
        let mut path = String::new();
        let mut segments = Vec::new();
        for _ in 0..u.int_in_range(1..=4)? {
            let word = *u.choose(&["v1", "sun", "a", "é", "{x}", "{z}", "", "V1", "%", " "])?;
            segments.push(word.to_owned());
            path.push('/');
            let word = encoded(u, word.as_bytes(), 1)?;
            path.push_str(if word == "%" { "%25" } else { &word });
        }
        let found = routes.find(&Method::GET, &path).map(|route| route.template);
        assert_eq!(found, naive(&segments), "{path}");
        Ok(())
    })
    .size_max(SIZE_MAX);
}

struct NoKeys;

impl KeyDirectory for NoKeys {
    fn find(&self, _: &KeyHash) -> Option<Arc<Grant>> {
        None
    }
}

fn keyring() -> Keyring {
    Keyring::new("cs".to_owned(), KeyHasher::new(&[7; 32]), Arc::new(NoKeys))
}

fn key(u: &mut Unstructured<'_>) -> Result<String> {
    let mut random = [0; RANDOM_LENGTH];
    for byte in &mut random {
        *byte = *u.choose(ALPHABET)?;
    }
    Ok(assemble("cs", *u.choose(&Environment::ALL)?, &random))
}

const URL_PIECES: [&str; 14] = [
    "a",
    "token=",
    "&",
    ";",
    "=",
    "?",
    "+",
    "%20",
    "Bearer ",
    "\"",
    "%22",
    "[",
    "é",
    "https%3A%2F%2Fexample.com%2F%3Fk%3D",
];

/// Attack case 22.
#[test]
fn a_key_in_a_url_is_found_wherever_it_stands_and_however_it_is_encoded() {
    let keyring = keyring();
    arbtest(|u| {
        let key = key(u)?;
        let before = text_of(u, &URL_PIECES)?;
        // Within a longer word it is none: `physics_live_…` is no key. So something else stands before it.
        let between = *u.choose(&["", "/", "=", " ", "%20", "%2520", "\"", "-", ".", "%3D"])?;
        let before = if between.is_empty() { String::new() } else { before + between };
        let written =
            format!("{before}{}{}", encoded(u, key.as_bytes(), DECODINGS)?, text_of(u, &["&", "/", "=", ".", "%20"])?);
        // A cut encoding before the key would swallow its beginning, for us as for everybody.
        let swallowed = before.ends_with('%') || before.len() > 1 && before.as_bytes()[before.len() - 2] == b'%';
        if !swallowed {
            assert!(keyring.is_in_url("/almanac", Some(&written)), "in the query: {written}");
            assert!(keyring.is_in_url(&format!("/almanac/{written}"), None), "in the path: {written}");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}

#[test]
fn a_url_in_which_no_reading_has_the_beginning_of_a_key_is_let_through() {
    let keyring = keyring();
    arbtest(|u| {
        let pieces =
            ["cs", "_", "live", "test", "%5f", "%255F", "cs_live", "_test_", "/", "&", "=", "%63", "x", "%", "25"];
        let text = text_of(u, &pieces)?;
        let is_key = |reading: &Vec<u8>| {
            let reading = String::from_utf8_lossy(reading);
            reading.contains("cs_live_") || reading.contains("cs_test_")
        };
        if !readings(&text).iter().any(is_key) {
            assert!(!keyring.is_in_url("/almanac", Some(&text)), "{text}");
            assert!(!keyring.is_in_url(&format!("/{text}"), None), "{text}");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}

fn stranger(u: &mut Unstructured<'_>) -> Result<IpAddr> {
    Ok(match u.arbitrary()? {
        true => Ipv4Addr::from_bits(0xc000_0200 | u32::from(u.arbitrary::<u8>()?)).into(),
        false => Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(u.arbitrary::<u64>()?)).into(),
    })
}

/// One of ours, as `10.0.0.0/8` or `fd00::/8`.
fn proxy(u: &mut Unstructured<'_>) -> Result<IpAddr> {
    Ok(match u.arbitrary()? {
        true => Ipv4Addr::from_bits(0x0a00_0000 | u32::from(u.arbitrary::<u16>()?)).into(),
        false => Ipv6Addr::from_bits(0xfd << 120 | u128::from(u.arbitrary::<u64>()?)).into(),
    })
}

/// An address as some proxies write it.
fn written(u: &mut Unstructured<'_>, address: IpAddr) -> Result<String> {
    Ok(match address {
        IpAddr::V4(address) if u.arbitrary()? => address.to_ipv6_mapped().to_string(),
        _ => address.to_string(),
    })
}

/// Attack case 18. What a stranger claims, then what each of our proxies adds: whom it was asked by.
#[test]
fn whoever_asks_through_our_proxies_is_known_by_the_last_of_them_whatever_they_claim() {
    let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).to_vec();
    arbtest(|u| {
        let pieces =
            ["10.0.0.1", "192.0.2.1", "fd00::1", ",", ", ", " ", "unknown", "::ffff:10.0.0.1", "127.0.0.1", "[", ":80"];
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            lines.push(match u.arbitrary()? {
                true => text_of(u, &pieces)?.into_bytes(),
                false => (0..u.int_in_range(0..=12)?).map(|_| u.arbitrary()).collect::<Result<_>>()?,
            });
        }
        let client = stranger(u)?;
        let (mut peer, mut hops, mut is_hidden) = (client, u.int_in_range(0..=4)?, false);
        // Without a proxy the stranger speaks to us, and nothing that it says of others counts.
        while hops > 0 {
            // Some proxies hide whom they were asked by (RFC 7239 §6.3).
            let hides = peer == client && u.ratio(1, 4)?;
            let asked_by = if hides { "unknown".to_owned() } else { written(u, peer)? };
            is_hidden |= hides;
            match lines.last_mut().filter(|_| hops % 2 == 0) {
                Some(line) => line.extend(format!(", {asked_by}").bytes()),
                None => lines.push(asked_by.into_bytes()),
            }
            peer = proxy(u)?;
            hops -= 1;
        }
        let mut headers = HeaderMap::new();
        for line in &lines {
            // What is no header value reaches nobody; but then what a proxy added to it would be gone with it.
            let Ok(value) = HeaderValue::from_bytes(line) else { return Ok(()) };
            headers.append("x-forwarded-for", value);
        }
        let wanted = if is_hidden { peer } else { client };
        assert_eq!(client_of(peer, &headers, &trusted), wanted, "{headers:?} from {peer}");
        // Where no proxy is ours, the peer it is.
        assert_eq!(client_of(peer, &headers, &[]), peer);
        Ok(())
    })
    .size_max(SIZE_MAX);
}

fn any_name(u: &mut Unstructured<'_>) -> Result<Option<HeaderName>> {
    let known = [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "x_forwarded_for",
        "Forwarded",
        "X-Real-IP",
        "X_Real-IP",
        "Via",
        "X-Countersign-Key",
        "x_countersign_organization",
        "X-Countersign-Admin",
        "X-Api-Key",
        "Request-Id",
        "Cookie",
        "Connection",
        "Keep-Alive",
        "Transfer-Encoding",
        "Content-Length",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Host",
        "Proxy-Authorization",
        "Authorization",
        "X-Kept",
        "Accept",
        "CF-Connecting-IP",
        "True_Client_IP",
        "HTTP2-Settings",
    ];
    let mut name = (*u.choose(&known)?).to_owned();
    if u.ratio(1, 6)? {
        name = text_of(u, &["x", "-", "_", "forwarded", "countersign", "ip", "client"])?;
    }
    Ok(HeaderName::from_bytes(name.as_bytes()).ok())
}

/// Attack case 18. Claims: FLOW-16, FLOW-38
#[test]
fn the_upstream_is_told_by_us_alone_who_calls_and_never_where_from_nor_with_which_key() {
    let secret = assemble("cs", Environment::Live, b"Zq7Xk2Wv9Jp4Ym6Tz8Rb3Nc5Hd1");
    let caller = contract::request_logs::Caller {
        key: contract::KeyId::new(uuid::Uuid::from_u128(3)),
        key_label: String::new(),
        secret_version: 1,
        environment: Environment::Live,
        organization: contract::OrganizationId::new(uuid::Uuid::from_u128(4)),
        organization_name: String::new(),
    };
    let (identity, id) = (Identity::of(&caller), HeaderValue::from_static("req_1"));
    let ours = [
        ("x-countersign-key", caller.key.to_string()),
        ("x-countersign-organization", caller.organization.to_string()),
        ("x-countersign-environment", "live".to_owned()),
        ("request-id", "req_1".to_owned()),
        ("via", "1.1 countersign".to_owned()),
    ];
    arbtest(|u| {
        let mut from = HeaderMap::new();
        for _ in 0..u.int_in_range(0..=12)? {
            let Some(name) = any_name(u)? else { continue };
            let names =
                ["close", ", ", "x-countersign-key", "X-Countersign-Organization", "via", "request-id", "x-kept"];
            let value = match u.int_in_range(0..=3)? {
                0 => text_of(u, &names)?,
                1 => format!("{}{secret}{}", text_of(u, &["a", "="])?, text_of(u, &["b", ";"])?),
                _ => "forged".to_owned(),
            };
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                from.append(name, value);
            }
        }
        let length = if u.arbitrary()? { Some(u.arbitrary()?) } else { None };
        let to = headers::towards_upstream(&from, &secret, &identity, &id, length);
        for (name, value) in &ours {
            let said: Vec<&[u8]> = to.get_all(*name).iter().map(HeaderValue::as_bytes).collect();
            assert_eq!(said, [value.as_bytes()], "{name} of {from:?}");
        }
        let named: Vec<Vec<u8>> = from
            .get_all("connection")
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|name| name.trim_ascii().to_ascii_lowercase())
            .collect();
        for (name, value) in &to {
            let plain = name.as_str().replace('_', "-");
            let is_ours = ours.iter().any(|(ours, _)| *ours == name.as_str());
            assert!(
                !value.as_bytes().windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{name} holds the key"
            );
            let told = ["x-forwarded-", "x-countersign-"].iter().any(|begin| plain.starts_with(begin));
            assert!(is_ours || !told, "{name} of {from:?}");
            let where_from = ["forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-api-key", "host"];
            assert!(!where_from.contains(&&*plain), "{name} of {from:?}");
            let of_one = ["connection", "keep-alive", "transfer-encoding", "te", "upgrade", "http2-settings"];
            assert!(!of_one.contains(&&*plain) && !plain.starts_with("proxy-"), "{name} of {from:?}");
            let is_framing = ["content-length", "trailer"].contains(&&*plain);
            assert!(is_ours || is_framing || !named.contains(&name.as_str().as_bytes().to_vec()), "{name} of {from:?}");
        }
        // One length at most, and that of the body.
        let lengths: Vec<&HeaderValue> = to.get_all("content-length").iter().collect();
        let wanted: Vec<HeaderValue> = length
            .filter(|_| from.contains_key("content-length"))
            .map(|length: u64| length.into())
            .into_iter()
            .collect();
        assert_eq!(lengths, wanted.iter().collect::<Vec<_>>());
        // What concerns nobody of these passes as often as it came.
        let kept = |headers: &HeaderMap| headers.get_all("accept").iter().filter(|value| *value == "forged").count();
        assert!(named.iter().any(|name| name == b"accept") || kept(&from) == kept(&to), "{from:?}");
        Ok(())
    })
    .size_max(SIZE_MAX);
}

/// What RFC 9110 §7.2 leaves of a host: a name or an address, and a port.
fn is_one_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => (name, port),
        _ => (text, ""),
    };
    let has_port = text.len() > name.len();
    let inside = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fits = |text: &str, more: &str, digits: u32| {
        !text.is_empty() && text.chars().all(|c| c.is_digit(digits) || more.contains(c))
    };
    match inside {
        Some(address) => fits(address, ":.", 16),
        None if has_port || !name.contains(':') => fits(name, "-._~", 36) && port.is_ascii(),
        None => false,
    }
}

/// Attack case 20.
#[test]
fn a_host_is_clear_exactly_if_there_is_one_and_nobody_can_read_more_than_one_in_it() {
    arbtest(|u| {
        let pieces = [
            "a.test",
            "b.test",
            "127.0.0.1",
            "[::1]",
            "[",
            "]",
            ":",
            "80",
            "@",
            "/",
            "\\",
            ",",
            " ",
            "#",
            "?",
            "%",
            "é",
        ];
        let mut hosts = Vec::new();
        for _ in 0..u.int_in_range(0..=2)? {
            let text = text_of(u, &pieces)?;
            // The first piece alone is often enough, and often right.
            hosts.push(if u.arbitrary()? { (*u.choose(&pieces)?).to_owned() } else { text });
        }
        let version = *u.choose(&[Version::HTTP_10, Version::HTTP_11, Version::HTTP_2])?;
        let uri = *u.choose(&["/almanac", "http://a.test/almanac"])?;
        let mut request = Request::builder().version(version).uri(uri);
        for host in &hosts {
            let Ok(value) = HeaderValue::from_bytes(host.as_bytes()) else { return Ok(()) };
            request = request.header(HOST, value);
        }
        let fit = hosts.len() < 2 && hosts.iter().all(|host| is_one_host(host));
        let agree = match (version, hosts.first(), uri) {
            (Version::HTTP_10, _, _) => true,
            (Version::HTTP_11, host, _) => host.is_some(),
            (_, Some(host), "http://a.test/almanac") => host.eq_ignore_ascii_case("a.test"),
            (_, host, uri) => host.is_some() || uri.starts_with("http"),
        };
        let is_clear = host::is_clear(&request.body(()).unwrap().into_parts().0);
        assert_eq!(is_clear, fit && agree, "{version:?} {uri} {hosts:?}");
        // A parser that nobody here wrote finds the same name in what is let through.
        if let Some(host) = hosts.first().filter(|_| is_clear)
            && let Ok(authority) = host.parse::<http::uri::Authority>()
        {
            assert!(host.starts_with(authority.host()) && !host.contains('@'), "{host}");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}

fn any_json(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=8)? {
        0 => Value::Null,
        1 => json!(u.arbitrary::<bool>()?),
        2 => json!(u.arbitrary::<i64>()?),
        3 => json!(u.arbitrary::<u64>()?),
        4 => json!(u.arbitrary::<f64>()?),
        5 => json!(["a", 1]),
        6 => json!({ "a": 1 }),
        _ => json!(text_of(u, &["cs_live_", "almanac", "GET", "\0", "\u{202e}"])?),
    })
}

/// Attack cases 16 and 25: `POST /verify` reads the documented object and nothing that resembles it.
#[test]
fn a_question_is_an_object_of_known_fields_of_the_right_kind_or_refused() {
    let text = |value: &Value| value.is_string();
    let some_text = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value.is_string());
    arbtest(|u| {
        let mut object = Map::new();
        for _ in 0..u.int_in_range(0..=8)? {
            let name =
                *u.choose(&["key", "api", "key", "api", "route", "method", "cost", "client_ip", "more", "Key", ""])?;
            let value = if u.ratio(1, 2)? { json!("a") } else { any_json(u)? };
            object.insert(name.to_owned(), value);
        }
        let known = ["key", "api", "route", "method", "cost", "client_ip"];
        let cost = object.get("cost").filter(|cost| !cost.is_null());
        let is_question = object.keys().all(|name| known.contains(&&**name))
            && object.get("key").is_some_and(text)
            && object.get("api").is_some_and(text)
            && ["route", "method", "client_ip"].into_iter().all(|name| some_text(object.get(name)))
            && cost.is_none_or(|cost| cost.as_i64().is_some_and(|cost| (0..=1_000).contains(&cost)));
        let bytes = Value::Object(object.clone()).to_string();
        assert_eq!(verify::is_question(bytes.as_bytes()), is_question, "{bytes}");
        // The same values in an array, twice the same name, something behind it: no question.
        let values = Value::Array(object.values().cloned().collect()).to_string();
        assert!(!verify::is_question(values.as_bytes()), "{values}");
        if let Some(name) = object.keys().next() {
            let twice = bytes.replacen('{', &format!("{{{}:\"a\",", json!(name)), 1);
            assert!(!verify::is_question(twice.as_bytes()), "{twice}");
        }
        assert!(!verify::is_question(format!("{bytes}x").as_bytes()));
        // Cut off or damaged it is refused or read, and never more than that.
        let mut bytes = bytes.into_bytes();
        let place = u.int_in_range(0..=bytes.len() - 1)?;
        if u.arbitrary()? {
            bytes.truncate(place)
        } else {
            bytes[place] = u.arbitrary()?
        }
        if verify::is_question(&bytes) {
            assert!(serde_json::from_slice::<Map<String, Value>>(&bytes).is_ok());
        }
        let deep = "[".repeat(u.int_in_range(0..=10_000)?);
        assert!(!verify::is_question(deep.as_bytes()));
        Ok(())
    })
    .size_max(SIZE_MAX);
}
