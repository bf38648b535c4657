//! Who calls: exactly one key, in a header, well-formed, known, active.

use std::borrow::Cow;
use std::sync::Arc;

use contract::Refusal;
use contract::keys::format;
use contract::keys::hash::{KeyHash, KeyHasher};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::path::{DECODINGS, leniently_decoded};
use crate::ports::{Grant, GrantState, KeyDirectory};

pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// So many alphanumeric characters after `cs_live_` in the middle of a text are a key, whole or cut; fewer are words.
const TELLING_LENGTH: usize = 10;

/// Looks keys up.
pub(crate) struct Keyring {
    prefix: String,
    /// How a key of ours begins, for either environment.
    beginnings: [String; 2],
    hasher: KeyHasher,
    keys: Arc<dyn KeyDirectory>,
}

/// Who calls, or why not. What stands here may be recorded; the presented text does not.
pub(crate) enum Verdict<'a> {
    Admitted {
        grant: Arc<Grant>,
        /// To be kept from the upstream.
        secret: &'a str,
    },
    Refused {
        refusal: Refusal,
        grant: Option<Arc<Grant>>,
        hint: Option<String>,
    },
}

impl Verdict<'_> {
    fn refused(refusal: Refusal) -> Self {
        Self::Refused { refusal, grant: None, hint: None }
    }
}

impl Keyring {
    pub(crate) fn new(prefix: String, hasher: KeyHasher, keys: Arc<dyn KeyDirectory>) -> Self {
        let beginnings = contract::Environment::ALL.map(|environment| format!("{prefix}_{}_", environment.word()));
        Self { prefix, beginnings, hasher, keys }
    }

    pub(crate) fn authenticate<'a>(&self, headers: &'a HeaderMap) -> Verdict<'a> {
        match self.presented(headers) {
            Ok(text) => self.verdict(text),
            Err(refusal) => Verdict::refused(refusal),
        }
    }

    /// Who has this key, whether it works.
    pub(crate) fn verdict<'a>(&self, text: &'a [u8]) -> Verdict<'a> {
        let Ok(text) = std::str::from_utf8(text) else { return Verdict::refused(Refusal::MalformedKey) };
        let Some(key) = format::parse(text, &self.prefix) else { return self.verdict_on_old(text) };
        let hash = self.hasher.hash(text);
        let grant = self.keys.find(&hash).or_else(|| self.find_outdated(hash, self.hasher.older(text)));
        Self::verdict_on(grant, text, || key.hint())
    }

    /// The same for a text that is no key of ours: one that another system gave out may have been imported.
    fn verdict_on_old<'a>(&self, text: &'a str) -> Verdict<'a> {
        let Some(hint) = self.keys.imported(text) else { return Verdict::refused(Refusal::MalformedKey) };
        let hash = self.hasher.hash(text);
        let known = self.hasher.imported_as(text).chain(self.hasher.older(text));
        Self::verdict_on(self.keys.find(&hash).or_else(|| self.find_outdated(hash, known)), text, || hint)
    }

    /// Finds a key by a hash that it would not have today, and says so.
    fn find_outdated(&self, newest: KeyHash, mut known: impl Iterator<Item = KeyHash>) -> Option<Arc<Grant>> {
        known.find_map(|known| {
            let grant = self.keys.find(&known)?;
            if grant.state != GrantState::Revoked {
                self.keys.outdated(grant.caller.key, known, newest);
            }
            Some(grant)
        })
    }

    fn verdict_on<'a>(grant: Option<Arc<Grant>>, text: &'a str, hint: impl FnOnce() -> String) -> Verdict<'a> {
        match grant {
            None => Verdict::Refused { refusal: Refusal::UnknownKey, grant: None, hint: Some(hint()) },
            Some(grant) if grant.state == GrantState::Revoked => {
                Verdict::Refused { refusal: Refusal::RevokedKey, grant: Some(grant), hint: None }
            }
            Some(grant) if grant.state == GrantState::Paused => {
                Verdict::Refused { refusal: Refusal::PausedKey, grant: Some(grant), hint: None }
            }
            Some(grant) => Verdict::Admitted { grant, secret: text },
        }
    }

    /// The one key text of a request.
    fn presented<'a>(&self, headers: &'a HeaderMap) -> Result<&'a [u8], Refusal> {
        let authorization = only(headers, &AUTHORIZATION)?;
        let bearer = authorization.and_then(bearer);
        // A key under no scheme or another one is a mistake that only a sentence mends; it never counts as none when
        // another key is there, because it would be forwarded.
        let stray = bearer.is_none() && authorization.is_some_and(|value| self.holds_key(value.as_bytes()));
        let api_key = only(headers, &X_API_KEY)?.map(|value| value.as_bytes().trim_ascii()).filter(|v| !v.is_empty());
        match (bearer, api_key) {
            (Some(_), Some(_)) => Err(Refusal::SeveralKeys),
            (None, Some(_)) if stray => Err(Refusal::SeveralKeys),
            (None, None) => Err(Refusal::MissingKey),
            (Some(key), None) | (None, Some(key)) if key.contains(&b',') => Err(several_or_malformed(key)),
            (Some(key), None) | (None, Some(key)) => Ok(key),
        }
    }

    /// Whether the URL holds a key of ours, whole or cut, encoded or not. Path and query are raw.
    pub(crate) fn is_in_url(&self, path: &str, query: Option<&str>) -> bool {
        // A key, however it is written, holds two of these; most URLs hold none.
        let may_hold = |text: &str| text.bytes().any(|byte| matches!(byte, b'_' | b'%'));
        if !may_hold(path) && !query.is_some_and(may_hold) {
            return false;
        }
        let path = path.split('/').any(|segment| self.is_in(segment));
        path || query.is_some_and(|query| query.split(['&', ';', '=']).any(|part| self.is_in(part)))
    }

    fn is_in(&self, part: &str) -> bool {
        let mut text = Cow::Borrowed(part.as_bytes());
        for _ in 0..DECODINGS {
            if self.holds_key(&text) || !text.contains(&b'%') {
                break;
            }
            text = Cow::Owned(leniently_decoded(&text));
        }
        self.holds_key(&text)
    }

    fn holds_key(&self, text: &[u8]) -> bool {
        self.beginnings.iter().any(|beginning| holds_key(text, beginning.as_bytes()))
    }
}

fn several_or_malformed(joined: &[u8]) -> Refusal {
    let parts = joined.split(|byte| *byte == b',').filter(|part| !part.trim_ascii().is_empty()).count();
    if parts > 1 { Refusal::SeveralKeys } else { Refusal::MalformedKey }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(Refusal::SeveralKeys),
    }
}

/// The token of `Bearer <token>` (RFC 6750 §2.1), its scheme in any case (RFC 9110 §11.1). An empty one is none.
pub(crate) fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, rest) = value.as_bytes().split_at_checked("bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer") && rest.first().is_none_or(u8::is_ascii_whitespace);
    let token = rest.trim_ascii();
    (is_bearer && !token.is_empty()).then_some(token)
}

fn holds_key(text: &[u8], beginning: &[u8]) -> bool {
    // `physics_live_…` holds `cs_live_` and is no key, so a key must begin where a word begins.
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let start = text.iter().take_while(|byte| !in_word(byte)).count();
    text.windows(beginning.len()).enumerate().filter(|(_, window)| *window == beginning).any(|(place, _)| {
        let begins_word = place == 0 || !in_word(&text[place - 1]);
        let body = text[place + beginning.len()..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        begins_word && (place == start || body >= TELLING_LENGTH)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    struct NoKeys;

    impl KeyDirectory for NoKeys {
        fn find(&self, _: &KeyHash) -> Option<Arc<Grant>> {
            None
        }
    }

    fn keyring() -> Keyring {
        Keyring::new("cs".to_owned(), KeyHasher::new(&[7; 32]), Arc::new(NoKeys))
    }

    /// One old key that was imported, and what it was told of keys that have another hash today.
    #[derive(Default)]
    struct Imported {
        known: std::sync::Mutex<Vec<KeyHash>>,
        told: std::sync::Mutex<Vec<(KeyHash, KeyHash)>>,
    }

    impl KeyDirectory for Arc<Imported> {
        fn find(&self, hash: &KeyHash) -> Option<Arc<Grant>> {
            let caller = contract::request_logs::Caller {
                key: contract::KeyId::new(uuid::Uuid::nil()),
                key_label: "Server".to_owned(),
                secret_version: 1,
                environment: contract::Environment::Live,
                organization: contract::OrganizationId::new(uuid::Uuid::nil()),
                organization_name: "Ada".to_owned(),
            };
            self.known.lock().ok()?.contains(hash).then(|| Arc::new(Grant::new(GrantState::Active, caller)))
        }

        fn imported(&self, text: &str) -> Option<String> {
            text.starts_with("old_").then(|| "old_…".to_owned())
        }

        fn outdated(&self, _: contract::KeyId, known: KeyHash, newest: KeyHash) {
            if let Ok(mut told) = self.told.lock() {
                told.push((known, newest));
            }
        }
    }

    #[test]
    fn an_imported_key_is_admitted_and_said_to_be_outdated_until_it_is_known_by_its_text() {
        let (keys, hasher) = (Arc::new(Imported::default()), KeyHasher::new(&[7; 32]));
        let keyring = Keyring::new("cs".to_owned(), hasher.clone(), Arc::new(Arc::clone(&keys)));
        let verdict = |text: &str| match keyring.verdict(text.as_bytes()) {
            Verdict::Admitted { secret, .. } => Ok(secret.to_owned()),
            Verdict::Refused { refusal, hint, .. } => Err((refusal, hint)),
        };
        let old = "old_0123456789abcdef";
        // Of its end nothing is shown.
        assert_eq!(verdict(old), Err((Refusal::UnknownKey, Some("old_…".to_owned()))));
        assert_eq!(verdict("new_0123456789abcdef"), Err((Refusal::MalformedKey, None)));

        let by_sha256 = hasher.imported_as(old).next();
        keys.known.lock().unwrap().extend(by_sha256);
        assert_eq!(verdict(old), Ok(old.to_owned()));
        assert_eq!(*keys.told.lock().unwrap(), [(by_sha256.unwrap(), hasher.hash(old))]);

        *keys.known.lock().unwrap() = vec![hasher.hash(old)];
        assert_eq!(verdict(old), Ok(old.to_owned()));
        assert_eq!(keys.told.lock().unwrap().len(), 1, "nothing is outdated any more");
    }

    #[test]
    fn a_key_that_was_hashed_under_an_older_pepper_is_admitted_and_said_to_be_outdated() {
        let (keys, before) = (Arc::new(Imported::default()), KeyHasher::new(&[6; 32]));
        let hasher = KeyHasher::new(&[7; 32]).with_older(&[[6; 32]]);
        let keyring = Keyring::new("cs".to_owned(), hasher.clone(), Arc::new(Arc::clone(&keys)));
        let text = format::assemble("cs", contract::Environment::Live, &[b'x'; format::RANDOM_LENGTH]);
        keys.known.lock().unwrap().push(before.hash(&text));
        assert!(matches!(keyring.verdict(text.as_bytes()), Verdict::Admitted { .. }));
        assert_eq!(*keys.told.lock().unwrap(), [(before.hash(&text), hasher.hash(&text))]);
        // Without the older pepper nobody knows it.
        let keyring = Keyring::new("cs".to_owned(), KeyHasher::new(&[7; 32]), Arc::new(Arc::clone(&keys)));
        let Verdict::Refused { refusal, .. } = keyring.verdict(text.as_bytes()) else { panic!() };
        assert_eq!(refusal, Refusal::UnknownKey);
    }

    #[test]
    fn a_key_in_a_url_is_found_however_it_is_written() {
        let keyring = keyring();
        for query in [
            "api_key=cs_live_0123456789abcdef",
            "cs_test_x",
            "cs_live_",
            "a=1&token=cs_live_x",
            "a=1;token=cs_live_x",
            "q=cs%5Flive%5Fx",
            "q=%63s_live_x",
            "q=cs%255Flive%255Fx",
            "q=Bearer+cs_live_0123456789abcdef",
            "q=Bearer%20cs_live_0123456789abcdef",
            "q=+cs_live_x",
            "q=%22cs_live_x%22",
            "next=https%3A%2F%2Fexample.com%2F%3Fk%3Dcs_live_0123456789abcdef",
            "q=%zz-cs_live_0123456789abcdef",
            "q=[cs_live_x]",
        ] {
            assert!(keyring.is_in_url("/almanac", Some(query)), "{query}");
        }
        for path in ["/cs_live_x", "/almanac/cs_live_x", "/almanac/a;k=cs_test_0123456789abcdef/b", "/a/%63s_live_x"] {
            assert!(keyring.is_in_url(path, None), "{path}");
        }
    }

    #[test]
    fn a_url_that_only_resembles_one_is_let_through() {
        let keyring = keyring();
        for query in
            ["", "key=abc", "token=physics_live_0123456789abcdef", "q=the+cs_live_show", "q=cs_life_x", "q=%zz"]
        {
            assert!(!keyring.is_in_url("/almanac/physics_live_stream", Some(query)), "{query}");
        }
        assert!(!keyring.is_in_url("/", None));
    }
}
