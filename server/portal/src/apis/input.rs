//! What staff say of an API, checked field by field.

use contract::apis::{
    AddressPolicy, AgentPolicy, ApiTerms, BODY_BYTES, Callers, Environments, LogLevel, LogMode, MORE_UPSTREAMS_MAX,
    NAME_MAX, OPENAPI_MAX, ORIGINS_MAX, PrivacyProfile, RETENTION_DAYS, SLUG_MAX, TIMEOUT_MS,
};
use contract::fields::{Check, Problem};
use contract::limits::{LIMIT_MAX, LIMIT_SECONDS_MAX, Limit};
use serde_json::Value;

use super::{RESERVED_SLUGS, address, openapi};

/// A whole number within bounds; absent if nothing was given.
pub(crate) fn number(check: &mut Check, field: &str, value: &str, (min, max): (i64, i64)) -> Option<i64> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    if number.is_none() {
        check.refuse(field, Problem::NotANumber { min, max });
    }
    number
}

/// The same, and something must be given.
pub(crate) fn needed_number(check: &mut Check, field: &str, value: &str, (min, max): (i64, i64)) -> i64 {
    if value.trim().is_empty() {
        check.refuse(field, Problem::NotANumber { min, max });
    }
    number(check, field, value, (min, max)).unwrap_or(min)
}

/// Requests and seconds: both, or none.
pub(crate) fn limit(
    check: &mut Check,
    (requests_field, requests): (&str, &str),
    (seconds_field, seconds): (&str, &str),
) -> Option<Limit> {
    let before = check.count();
    let requests = number(check, requests_field, requests, (1, LIMIT_MAX));
    let seconds = number(check, seconds_field, seconds, (1, LIMIT_SECONDS_MAX));
    if check.count() == before {
        match (requests, seconds) {
            (None, Some(_)) => check.refuse(requests_field, Problem::NotANumber { min: 1, max: LIMIT_MAX }),
            (Some(_), None) => check.refuse(seconds_field, Problem::NotANumber { min: 1, max: LIMIT_SECONDS_MAX }),
            _ => {}
        }
    }
    Limit::from_stored(requests, seconds)
}

/// One line that must be given.
pub(crate) fn line(check: &mut Check, field: &str, value: &str, max: usize) -> String {
    let value = value.trim();
    if value.is_empty() {
        check.refuse(field, Problem::Empty);
    } else if value.contains(['\n', '\r']) {
        check.refuse(field, Problem::Invisible);
    }
    check.text(field, value, max)
}

/// What an API is called.
pub(super) fn name(check: &mut Check, value: &str) -> String {
    line(check, "name", value, NAME_MAX)
}

/// Whether a text can be the first path segment at the gateway.
pub(super) fn is_slug(value: &str) -> bool {
    (1..=SLUG_MAX).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A slug. Whether another API has it, the database says.
pub(super) fn slug(check: &mut Check, value: &str) -> String {
    let value = value.trim();
    if value.is_empty() {
        check.refuse("slug", Problem::Empty);
    } else if value.chars().count() > SLUG_MAX {
        check.refuse("slug", Problem::TooLong { max: SLUG_MAX as u32 });
    } else if !is_slug(value) {
        check.refuse("slug", Problem::NotASlug);
    } else if RESERVED_SLUGS.contains(&value) {
        check.refuse("slug", Problem::Taken);
    }
    value.to_owned()
}

/// What staff give for the terms of an API, as the words in the form.
#[derive(Clone, Debug, Default)]
pub struct NewTerms {
    /// Milliseconds.
    pub timeout_ms: String,
    /// Bytes.
    pub body_max_bytes: String,
    /// The word of a [`LogMode`].
    pub log_mode: String,
    /// The word of one of [`Environments`].
    pub environments: String,
    /// One origin a line.
    pub allowed_origins: String,
    /// Requests of one network address; empty for no limit.
    pub address_requests: String,
    /// Seconds of that limit.
    pub address_seconds: String,
    /// Further addresses of the upstream, one a line.
    pub more_upstreams: String,
}

impl NewTerms {
    /// The words that the form would hold for these terms: for whoever changes only some of them.
    #[must_use]
    pub fn of(terms: &ApiTerms) -> Self {
        let limit = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        Self {
            timeout_ms: terms.timeout_ms.to_string(),
            body_max_bytes: terms.body_max_bytes.to_string(),
            log_mode: terms.log_mode.word().to_owned(),
            environments: terms.environments.word().to_owned(),
            allowed_origins: terms.allowed_origins.join("\n"),
            address_requests: limit(terms.address_limit.map(|limit| limit.requests)),
            address_seconds: limit(terms.address_limit.map(|limit| limit.seconds)),
            more_upstreams: terms.more_upstreams.join("\n"),
        }
    }
}

pub(super) fn terms(check: &mut Check, new: &NewTerms, private_is_fine: bool) -> ApiTerms {
    let more_upstreams = more_upstreams(check, &new.more_upstreams, private_is_fine);
    let timeout_ms = needed_number(check, "timeout_ms", &new.timeout_ms, TIMEOUT_MS);
    let body_max_bytes = needed_number(check, "body_max_bytes", &new.body_max_bytes, BODY_BYTES);
    let log_mode = LogMode::from_word(&new.log_mode);
    if log_mode.is_none() {
        check.refuse("log_mode", Problem::NotAChoice);
    }
    let environments = Environments::from_word(&new.environments);
    if environments.is_none() {
        check.refuse("environments", Problem::NotAChoice);
    }
    let mut allowed_origins: Vec<String> =
        new.allowed_origins.split_whitespace().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
    allowed_origins.dedup();
    if allowed_origins.len() > ORIGINS_MAX {
        check.refuse("allowed_origins", Problem::TooMany { max: ORIGINS_MAX as u32 });
    } else if !allowed_origins.iter().all(|origin| address::is_origin(origin)) {
        check.refuse("allowed_origins", Problem::NotAUrl);
    }
    let address_limit =
        limit(check, ("address_requests", &new.address_requests), ("address_seconds", &new.address_seconds));
    let usual = ApiTerms::default();
    ApiTerms {
        timeout_ms: u32::try_from(timeout_ms).unwrap_or(usual.timeout_ms),
        body_max_bytes: u64::try_from(body_max_bytes).unwrap_or(usual.body_max_bytes),
        log_mode: log_mode.unwrap_or_default(),
        environments: environments.unwrap_or_default(),
        allowed_origins,
        address_limit,
        more_upstreams,
        ..usual
    }
}

/// Further addresses: each like the first, and none twice.
fn more_upstreams(check: &mut Check, text: &str, private_is_fine: bool) -> Vec<String> {
    let field = "more_upstreams";
    let mut all: Vec<String> = Vec::new();
    for line in text.split_whitespace() {
        let before = check.count();
        let address = address::upstream(check, field, line, private_is_fine);
        if check.count() > before {
            break;
        }
        if !all.contains(&address) {
            all.push(address);
        }
    }
    if all.len() > MORE_UPSTREAMS_MAX {
        check.refuse(field, Problem::TooMany { max: MORE_UPSTREAMS_MAX as u32 });
    }
    all
}

/// What staff give for the privacy profile of an API, as the words in the form.
#[derive(Clone, Debug, Default)]
pub struct NewPrivacy {
    /// `server` or `end_user`.
    pub caller_kind: String,
    /// The word of an [`AddressPolicy`].
    pub ip_policy: String,
    /// The word of an [`AgentPolicy`].
    pub ua_policy: String,
    /// The word of a [`LogLevel`].
    pub log_level: String,
    /// Days.
    pub retention_days: String,
}

pub(super) fn privacy(check: &mut Check, new: &NewPrivacy) -> PrivacyProfile {
    let before = check.count();
    if !Callers::WORDS.iter().any(|(word, _)| *word == new.caller_kind) {
        check.refuse("caller_kind", Problem::NotAChoice);
    }
    if AddressPolicy::from_word(&new.ip_policy).is_none() {
        check.refuse("ip_policy", Problem::NotAChoice);
    }
    if AgentPolicy::from_word(&new.ua_policy).is_none() {
        check.refuse("ua_policy", Problem::NotAChoice);
    }
    let callers = Callers::from_words(&new.caller_kind, &new.ip_policy, &new.ua_policy);
    if callers.is_none() && check.count() == before {
        check.refuse("caller_kind", Problem::NothingOfEndUsers);
    }
    let log_level = LogLevel::from_word(&new.log_level);
    if log_level.is_none() {
        check.refuse("log_level", Problem::NotAChoice);
    }
    let days = needed_number(check, "retention_days", &new.retention_days, RETENTION_DAYS);
    PrivacyProfile {
        callers: callers.unwrap_or_default(),
        log_level: log_level.unwrap_or_default(),
        retention_days: days.try_into().unwrap_or(1),
    }
}

/// An OpenAPI document, and the summary in it.
pub(super) fn document(check: &mut Check, text: &str) -> (Value, String) {
    let field = "openapi";
    if text.trim().is_empty() {
        check.refuse(field, Problem::Empty);
        return <_>::default();
    }
    if text.len() > OPENAPI_MAX {
        check.refuse(field, Problem::TooLong { max: OPENAPI_MAX as u32 });
        return <_>::default();
    }
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        check.refuse(field, Problem::NotReadable);
        return <_>::default();
    };
    match openapi::name_and_summary(&document) {
        Ok((_, summary)) => {
            openapi::check_terms(check, field, &document);
            // It stands in one line of a list.
            let summary: String = summary.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
            (document, summary)
        }
        Err(_) => {
            check.refuse(field, Problem::NotReadable);
            <_>::default()
        }
    }
}
