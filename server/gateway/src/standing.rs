//! The numbers of a caller's limits and quota as headers: `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers-11 §3, §4), structured fields (RFC 9651 §3.1).

use std::fmt::Write as _;

use contract::Millis;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::admit::{Standing, seconds};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What the quota is called beside the words of the limits.
const QUOTA: &str = "quota";

/// What the quota counts, where it is not requests.
const UNIT: &str = "units";

/// Sets both headers: ours are the only ones that a client sees, because it is our limits that it must keep.
pub(crate) fn write(standing: &Standing, at: Millis, headers: &mut HeaderMap) {
    let (mut policy, mut left) = (String::with_capacity(64), String::with_capacity(64));
    for reading in &standing.limits {
        let (word, limit) = (reading.level.word(), reading.limit);
        item(&mut policy, format_args!("\"{word}\";q={};w={}", limit.requests, limit.seconds));
        item(&mut left, format_args!("\"{word}\";r={};t={}", reading.remaining, reading.full_in_s));
    }
    if let Some(quota) = &standing.quota {
        let window = seconds(quota.ends_at - quota.starts_at);
        item(&mut policy, format_args!("\"{QUOTA}\";q={};w={window};qu=\"{UNIT}\"", quota.quota.units));
        item(&mut left, format_args!("\"{QUOTA}\";r={};t={}", quota.remaining, seconds(quota.ends_at - at)));
    }
    for (name, text) in [(POLICY, policy), (LIMIT, left)] {
        match HeaderValue::try_from(text) {
            Ok(value) if !value.is_empty() => drop(headers.insert(name, value)),
            _ => drop(headers.remove(name)),
        }
    }
}

fn item(list: &mut String, text: std::fmt::Arguments<'_>) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    let _ = list.write_fmt(text); // writing to a string cannot fail
}
