//! Which headers pass, in either direction.
//!
//! - What belongs to one connection stays there (RFC 9110 §7.6.1).
//! - What says who or where a client is comes from us or not at all.

use std::borrow::Cow;

use contract::request_logs::Caller;
use http::header::{
    ALT_SVC, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, VIA,
};

use crate::authenticate::X_API_KEY;
use crate::problem::REQUEST_ID;

const KEEP_ALIVE: &str = "keep-alive";
const HTTP2_SETTINGS: &str = "http2-settings";

/// By which a gateway names itself to its upstream (RFC 9110 §7.6.3). Names of machines before us are not passed on.
const OUR_VIA: HeaderValue = HeaderValue::from_static("1.1 countersign");

const IDENTITY: &str = "x-countersign-";
const KEY: HeaderName = HeaderName::from_static("x-countersign-key");
const ORGANIZATION: HeaderName = HeaderName::from_static("x-countersign-organization");
const ENVIRONMENT: HeaderName = HeaderName::from_static("x-countersign-environment");

/// Headers by which proxies and content networks tell addresses or places of end users, beside `X-Forwarded-*`.
const ADDRESSES: [&str; 20] = [
    "forwarded",
    "forwarded-for",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "x-true-client-ip",
    "x-cluster-client-ip",
    "x-originating-ip",
    "x-original-forwarded-for",
    "x-remote-ip",
    "x-remote-addr",
    "x-envoy-external-address",
    "x-azure-clientip",
    "x-azure-socketip",
    "fastly-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-ipcountry",
];

/// The headers of the request to the upstream. `secret` is the key that opened the gateway.
pub(crate) fn towards_upstream(
    from: &HeaderMap,
    secret: &str,
    caller: &Caller,
    id: &HeaderValue,
    exact_length: Option<u64>,
) -> HeaderMap {
    let named = named_by_connection(from);
    let mut to = HeaderMap::with_capacity(from.len() + 5);
    for (name, value) in from {
        let passes = !is_of_one_connection(name, &named)
            && ![&TRAILER, &HOST, &X_API_KEY, &REQUEST_ID, &EXPECT, &VIA, &CONTENT_LENGTH, &COOKIE].contains(&name)
            && !is_about_the_client(name)
            && !holds(value, secret);
        if passes {
            to.append(name.clone(), value.clone());
        }
    }
    if let Some(cookie) = one_cookie(from, secret, &named) {
        to.insert(COOKIE, cookie);
    }
    // The framing is the body's, whatever else the headers said; a zero that was said is said again.
    if let Some(length) = exact_length.filter(|_| from.contains_key(CONTENT_LENGTH)) {
        to.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    to.insert(VIA, OUR_VIA);
    to.insert(REQUEST_ID, id.clone());
    for (name, text) in [
        (KEY, caller.key.to_string()),
        (ORGANIZATION, caller.organization.to_string()),
        (ENVIRONMENT, caller.environment.word().to_owned()),
    ] {
        if let Ok(value) = HeaderValue::try_from(text) {
            to.insert(name, value);
        }
    }
    to
}

/// Takes from the upstream's answer what does not concern the client, and names the request.
pub(crate) fn towards_client(headers: &mut HeaderMap, id: &HeaderValue) {
    let named = named_by_connection(headers);
    keep(headers, |name| !is_of_one_connection(name, &named) && passes_towards_client(name));
    headers.insert(REQUEST_ID, id.clone());
}

/// Takes from the answer's trailers what may stand in its headers only, or not at all.
pub(crate) fn trailers_towards_client(trailers: &mut HeaderMap) {
    keep(trailers, |name| {
        !is_of_one_connection(name, &[]) && passes_towards_client(name) && name != CONTENT_LENGTH && name != TRAILER
    });
}

fn passes_towards_client(name: &HeaderName) -> bool {
    // The upstream's other addresses would lead around the gateway (RFC 7838).
    name != REQUEST_ID && name != ALT_SVC
}

fn keep(headers: &mut HeaderMap, passes: impl Fn(&HeaderName) -> bool) {
    let gone: Vec<HeaderName> = headers.keys().filter(|name| !passes(name)).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect()
}

fn is_of_one_connection(name: &HeaderName, named: &[String]) -> bool {
    [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE].contains(name)
        || [KEEP_ALIVE, HTTP2_SETTINGS].contains(&name.as_str())
        || name.as_str().starts_with("proxy-")
        || named.iter().any(|other| other == name.as_str())
}

/// Headers that would tell the upstream who or where the client is. Many frameworks take `_` for `-`, so we do too.
fn is_about_the_client(name: &HeaderName) -> bool {
    let name = match name.as_str().contains('_') {
        true => Cow::Owned(name.as_str().replace('_', "-")),
        false => Cow::Borrowed(name.as_str()),
    };
    name.starts_with(IDENTITY)
        || name.starts_with("x-forwarded-")
        || ADDRESSES.contains(&&*name)
        || name == X_API_KEY.as_str()
        || name == REQUEST_ID.as_str()
}

/// RFC 9113 §8.2.3: HTTP/2 may split the cookie field; towards HTTP/1.1 it must be one again.
fn one_cookie(from: &HeaderMap, secret: &str, named: &[String]) -> Option<HeaderValue> {
    if named.iter().any(|name| name == COOKIE.as_str()) {
        return None;
    }
    let crumbs: Vec<&[u8]> =
        from.get_all(COOKIE).iter().filter(|value| !holds(value, secret)).map(HeaderValue::as_bytes).collect();
    (!crumbs.is_empty()).then(|| HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).ok()).flatten()
}

fn holds(value: &HeaderValue, secret: &str) -> bool {
    let (value, secret) = (value.as_bytes(), secret.as_bytes());
    value.len() >= secret.len() && value.windows(secret.len()).any(|window| window == secret)
}
