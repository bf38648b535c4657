//! Which headers pass, in either direction.
//!
//! - What belongs to one connection stays there (RFC 9110 §7.6.1).
//! - What says who or where a client is comes from us or not at all.
//! - Trailers pass under the same rules, and only what means the same after the body as before it (RFC 9110 §6.5.1).

use std::borrow::Cow;

use http::header::{
    ALT_SVC, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, MAX_FORWARDS, PRAGMA, RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};

use smallvec::SmallVec;

use crate::authenticate::X_API_KEY;
use crate::ports::Identity;
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
    identity: &Identity,
    id: &HeaderValue,
    exact_length: Option<u64>,
) -> HeaderMap {
    let named = named_by_connection(from);
    let mut to = HeaderMap::with_capacity(from.len() + 5);
    for (name, value) in from {
        if may_pass(name, &named) && ![&TRAILER, &COOKIE].contains(&name) && !holds(value, secret) {
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
    // Only a body whose end is not said before may have trailers.
    if let Some(trailer) = announced(from, &named).filter(|_| exact_length.is_none()) {
        to.insert(TRAILER, trailer);
    }
    to.insert(VIA, OUR_VIA);
    to.insert(REQUEST_ID, id.clone());
    to.insert(KEY, identity.key.clone());
    to.insert(ORGANIZATION, identity.organization.clone());
    to.insert(ENVIRONMENT, identity.environment.clone());
    to
}

/// Whether a header of the request may reach the upstream at all, whatever it says.
fn may_pass(name: &HeaderName, named: &[&[u8]]) -> bool {
    !is_of_one_connection(name, named)
        && ![&HOST, &X_API_KEY, &REQUEST_ID, &EXPECT, &VIA, &CONTENT_LENGTH].contains(&name)
        && !is_about_the_client(name)
}

/// Which trailers of a request pass.
pub(crate) struct TrailerRule {
    secret: String,
    named: Vec<Vec<u8>>,
}

impl TrailerRule {
    /// The rule for the trailers of the request with these headers.
    pub(crate) fn new(headers: &HeaderMap, secret: &str) -> Self {
        let named = named_by_connection(headers).iter().map(|name| name.to_vec()).collect();
        Self { secret: secret.to_owned(), named }
    }

    /// Takes away what must not pass, and tells whether anything is left.
    pub(crate) fn leaves_some(&self, trailers: &mut HeaderMap) -> bool {
        let named: Named<'_> = self.named.iter().map(Vec::as_slice).collect();
        let gone = names(trailers, |name| !may_pass(name, &named) || !means_the_same_later(name));
        remove(trailers, &gone);
        let telling: Vec<HeaderName> =
            trailers.iter().filter(|(_, value)| holds(value, &self.secret)).map(|(name, _)| name.clone()).collect();
        remove(trailers, &telling);
        !trailers.is_empty()
    }
}

/// Trailers that framed, routed, authorized or changed a request that is already under way would be read by some and
/// not by others.
fn means_the_same_later(name: &HeaderName) -> bool {
    ![
        AUTHORIZATION,
        CACHE_CONTROL,
        CONTENT_ENCODING,
        CONTENT_RANGE,
        CONTENT_TYPE,
        COOKIE,
        IF_MATCH,
        IF_MODIFIED_SINCE,
        IF_NONE_MATCH,
        IF_RANGE,
        IF_UNMODIFIED_SINCE,
        MAX_FORWARDS,
        PRAGMA,
        RANGE,
        TRAILER,
    ]
    .contains(name)
}

/// The trailers that the request announces, without those that will not pass.
fn announced(from: &HeaderMap, named: &[&[u8]]) -> Option<HeaderValue> {
    let names: Vec<HeaderName> = from
        .get_all(TRAILER)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| may_pass(name, named) && means_the_same_later(name))
        .collect();
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    (!names.is_empty()).then(|| HeaderValue::try_from(names.join(", ")).ok()).flatten()
}

/// Says to the upstream that trailers are welcome, if they are to the client. It is news for the next connection, not
/// the client's header passed on.
pub(crate) fn welcome_trailers(from: &HeaderMap, to: &mut HeaderMap, scheme: Option<&http::uri::Scheme>) {
    if !lists(from, &TE, "trailers") {
        return;
    }
    to.insert(TE, HeaderValue::from_static("trailers"));
    // RFC 9110 §10.1.4 asks for it on HTTP/1.1; HTTP/2 forbids it, and over TLS an upstream may speak that.
    if scheme == Some(&http::uri::Scheme::HTTP) {
        to.insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

/// Whether a header is a list that has this word, in any case.
pub(crate) fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let mut words = headers.get_all(name).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.any(|other| other.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// Takes from the upstream's answer what does not concern the client, and names the request.
pub(crate) fn towards_client(headers: &mut HeaderMap, id: &HeaderValue) {
    // An answer that was chunked and also says a length was read by its chunks (RFC 9112 §6.3), and has no other length.
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    let gone = {
        let named = named_by_connection(headers);
        names(headers, |name| {
            is_of_one_connection(name, &named) || !passes_towards_client(name) || (is_chunked && name == CONTENT_LENGTH)
        })
    };
    remove(headers, &gone);
    headers.insert(REQUEST_ID, id.clone());
}

/// Takes from the answer's trailers what may stand in its headers only, or not at all.
pub(crate) fn trailers_towards_client(trailers: &mut HeaderMap) {
    let gone = names(trailers, |name| {
        is_of_one_connection(name, &[]) || !passes_towards_client(name) || [&CONTENT_LENGTH, &TRAILER].contains(&name)
    });
    remove(trailers, &gone);
}

fn passes_towards_client(name: &HeaderName) -> bool {
    // The upstream's other addresses would lead around the gateway (RFC 7838).
    name != REQUEST_ID && name != ALT_SVC
}

fn names(headers: &HeaderMap, are: impl Fn(&HeaderName) -> bool) -> Vec<HeaderName> {
    headers.keys().filter(|name| are(name)).cloned().collect()
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

/// The headers that the sender keeps to this connection, in any case.
type Named<'a> = SmallVec<[&'a [u8]; 4]>;

fn named_by_connection(headers: &HeaderMap) -> Named<'_> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect()
}

fn is_of_one_connection(name: &HeaderName, named: &[&[u8]]) -> bool {
    [&CONNECTION, &TE, &TRANSFER_ENCODING, &UPGRADE].contains(&name)
        || [KEEP_ALIVE, HTTP2_SETTINGS].contains(&name.as_str())
        || name.as_str().starts_with("proxy-")
        || named.iter().any(|other| other.eq_ignore_ascii_case(name.as_str().as_bytes()))
}

/// Headers that would tell the upstream who or where the client is. Many frameworks take `_` for `-`, so we do too.
fn is_about_the_client(name: &HeaderName) -> bool {
    // How all of them begin: most headers need no further look.
    if !matches!(name.as_str().as_bytes().first(), Some(b'x' | b'f' | b'c' | b't' | b'r')) {
        return false;
    }
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
fn one_cookie(from: &HeaderMap, secret: &str, named: &[&[u8]]) -> Option<HeaderValue> {
    if named.iter().any(|name| name.eq_ignore_ascii_case(COOKIE.as_str().as_bytes())) {
        return None;
    }
    let crumbs: Vec<&[u8]> =
        from.get_all(COOKIE).iter().filter(|value| !holds(value, secret)).map(HeaderValue::as_bytes).collect();
    (!crumbs.is_empty()).then(|| HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).ok()).flatten()
}

fn holds(value: &HeaderValue, secret: &str) -> bool {
    let (value, secret) = (value.as_bytes(), secret.as_bytes());
    // Two bytes first: comparing whole keys at every place of a long header takes longer than everything else here.
    let [first, second, ..] = secret else { return false };
    value.len() >= secret.len()
        && value.windows(secret.len()).any(|window| window[0] == *first && window[1] == *second && window == secret)
}
