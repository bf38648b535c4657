//! The numbers of a caller's limits and quota as headers: `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers-11 §3, §4), structured fields (RFC 9651 §3.1).

use contract::Millis;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::admit::{Standing, seconds};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What the quota is called beside the words of the limits.
const QUOTA: &str = "quota";

/// What the quota counts, where it is not requests.
const UNIT: &[u8] = b";qu=\"units\"";

/// Sets both headers: ours are the only ones that a client sees, because it is our limits that it must keep.
pub(crate) fn write(standing: &Standing, at: Millis, headers: &mut HeaderMap) {
    let (mut policy, mut left) = (List::new(), List::new());
    for reading in &standing.limits {
        let (word, limit) = (reading.level.word(), reading.limit);
        policy.item(word).parameter(b";q=", limit.requests).parameter(b";w=", limit.seconds);
        left.item(word).parameter(b";r=", reading.remaining).parameter(b";t=", reading.full_in_s);
    }
    if let Some(quota) = &standing.quota {
        let window = seconds(quota.ends_at - quota.starts_at);
        policy.item(QUOTA).parameter(b";q=", quota.quota.units).parameter(b";w=", window).put(UNIT);
        left.item(QUOTA).parameter(b";r=", quota.remaining).parameter(b";t=", seconds(quota.ends_at - at));
    }
    for (name, list) in [(POLICY, policy), (LIMIT, left)] {
        match list.value() {
            Some(value) => drop(headers.insert(name, value)),
            None => drop(headers.remove(name)),
        }
    }
}

/// Longest list: six items of the longest words and numbers take less.
const LIST_BYTES: usize = 512;

/// A list of items with parameters, written without `format!`: it goes with every answer, and took a tenth of what a
/// request costs.
struct List {
    bytes: [u8; LIST_BYTES],
    length: usize,
}

impl List {
    const fn new() -> Self {
        Self { bytes: [0; LIST_BYTES], length: 0 }
    }

    #[inline]
    fn put(&mut self, text: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.length..self.length + text.len()) {
            room.copy_from_slice(text);
            self.length += text.len();
        }
    }

    fn item(&mut self, word: &str) -> &mut Self {
        self.put(if self.length == 0 { b"\"" } else { b", \"" });
        self.put(word.as_bytes());
        self.put(b"\"");
        self
    }

    #[inline]
    fn parameter(&mut self, name: &[u8; 3], number: impl itoa::Integer) -> &mut Self {
        self.put(name);
        self.put(itoa::Buffer::new().format(number).as_bytes());
        self
    }

    fn value(&self) -> Option<HeaderValue> {
        let text = &self.bytes[..self.length];
        if text.is_empty() { None } else { HeaderValue::from_bytes(text).ok() }
    }
}
