//! Request logs: one row for each request the gateway answered.
//!
//! A row holds no query string, no body and no header: there is no field for them. It holds an address or a user agent
//! only as a type that the privacy profile of its API alone can make.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::apis::{KeptAddress, KeptAgent};
use crate::{ApiId, Environment, KeyId, Millis, OrganizationId, Refusal, RequestId};

/// What the gateway writes down of one answered request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRow {
    /// Also in the answer's `Request-Id` header.
    pub id: RequestId,
    /// When the request arrived.
    pub at: Millis,
    /// Slug and id of the API; absent when the path names none.
    pub api: Option<(ApiId, String)>,
    /// Who called; absent when no valid key was presented.
    pub caller: Option<Caller>,
    /// HTTP method, upper case; `OTHER` for anything that is not a registered one.
    pub method: String,
    /// The route template that matched, such as `/v1/sun/{place}`: never the path itself. Empty when none matched.
    pub route: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Why the gateway answered itself; absent when the upstream answered.
    pub code: Option<String>,
    /// From the first byte of the request to the last byte of the answer, in microseconds.
    pub latency_us: i64,
    /// Of that, waiting for the upstream's answer to begin; absent when it was not asked.
    pub upstream_us: Option<i64>,
    /// Bytes of the answer's body.
    pub response_bytes: i64,
    /// What may be kept of a key that is not known, such as `cs_live_…x7Qd`; absent for malformed ones.
    pub key_hint: Option<String>,
    /// Units that it took from the quota: none when it was refused or the upstream did not answer.
    pub cost: i64,
    /// What the profile of the API lets the log keep of the caller's network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<KeptAddress>,
    /// What it lets the log keep of the name that the caller's program gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<KeptAgent>,
}

/// Who called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The key.
    pub key: KeyId,
    /// Its label at that time.
    pub key_label: String,
    /// Which of the key's secrets, counted from 1: after a rotation two of them work for a while.
    pub secret_version: u32,
    /// Its environment.
    pub environment: Environment,
    /// The organization.
    pub organization: OrganizationId,
    /// The organization's name.
    pub organization_name: String,
}

impl RequestRow {
    /// Whether the gateway answered itself.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.code.is_some()
    }
}

/// What a viewer can choose from to narrow the log down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Slugs of APIs.
    pub apis: Vec<String>,
    /// Keys with their labels.
    pub keys: Vec<(KeyId, String)>,
    /// Organizations with their names; none for a developer, who sees one only.
    pub organizations: Vec<(OrganizationId, String)>,
}

/// Rows, and what they can be narrowed down to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Rows that pass the filter, the newest first.
    pub rows: crate::Page<RequestRow>,
    /// What there is to choose.
    pub choices: Choices,
}

/// What a live viewer is sent: one JSON object per event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LiveEvent {
    /// The stream is open.
    Connected,
    /// Rows that match, the oldest first.
    Rows {
        /// The rows.
        rows: Vec<RequestRow>,
    },
    /// The viewer was too slow; so many rows, matching or not, were not looked at.
    Skipped {
        /// How many.
        rows: u64,
    },
}

/// A status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatusFilter {
    /// Exactly this one.
    Exactly(u16),
    /// All from this hundred: 5 for `5xx`.
    Class(u16),
}

impl StatusFilter {
    /// Lowest and highest status that match.
    #[must_use]
    pub const fn range(self) -> (u16, u16) {
        match self {
            Self::Exactly(status) => (status, status),
            Self::Class(hundred) => (hundred * 100, hundred * 100 + 99),
        }
    }
}

impl fmt::Display for StatusFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(status) => write!(f, "{status}"),
            Self::Class(hundred) => write!(f, "{hundred}xx"),
        }
    }
}

impl FromStr for StatusFilter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let hundred = text.strip_suffix("xx").and_then(|digit| digit.parse().ok());
        match (hundred, text.parse()) {
            (Some(hundred @ 1..=5), _) => Ok(Self::Class(hundred)),
            (None, Ok(status @ 100..=599)) => Ok(Self::Exactly(status)),
            _ => Err(()),
        }
    }
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// The answer's status.
    Status(StatusFilter),
    /// HTTP method, upper case.
    Method(String),
    /// Slug of the API.
    Api(String),
    /// Id of the organization.
    Organization(OrganizationId),
    /// Id or label of the key.
    Key(String),
    /// Refusal code; `none` for requests that the upstream answered.
    Code(String),
    /// Live or test.
    Environment(Environment),
}

impl Condition {
    /// Whether a row meets it.
    #[must_use]
    pub fn matches(&self, row: &RequestRow) -> bool {
        let caller = row.caller.as_ref();
        match self {
            Self::Status(status) => {
                let (low, high) = status.range();
                (low..=high).contains(&row.status)
            }
            Self::Method(method) => row.method == *method,
            Self::Api(slug) => row.api.as_ref().is_some_and(|(_, name)| name == slug),
            Self::Organization(id) => caller.is_some_and(|caller| caller.organization == *id),
            Self::Key(text) => caller.is_some_and(|caller| match text.parse::<KeyId>() {
                Ok(id) => caller.key == id,
                Err(_) => caller.key_label == *text,
            }),
            Self::Code(code) if code == "none" => row.code.is_none(),
            Self::Code(code) => row.code.as_ref() == Some(code),
            Self::Environment(environment) => caller.is_some_and(|caller| caller.environment == *environment),
        }
    }

    fn parse(field: &str, value: &str) -> Option<Self> {
        Some(match field {
            "status" => Self::Status(value.parse().ok()?),
            "method" if value.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                Self::Method(value.to_ascii_uppercase())
            }
            "api" => Self::Api(value.to_owned()),
            "organization" => Self::Organization(value.parse().ok()?),
            "key" => Self::Key(value.to_owned()),
            "code" => Self::Code(value.to_owned()),
            "environment" => Self::Environment(Environment::from_word(value)?),
            _ => return None,
        })
    }

    fn field_and_value(&self) -> (&'static str, String) {
        match self {
            Self::Status(status) => ("status", status.to_string()),
            Self::Method(method) => ("method", method.clone()),
            Self::Api(slug) => ("api", slug.clone()),
            Self::Organization(id) => ("organization", id.to_string()),
            Self::Key(text) => ("key", text.clone()),
            Self::Code(code) => ("code", code.clone()),
            Self::Environment(environment) => ("environment", environment.word().to_owned()),
        }
    }
}

/// Conditions that a row must all meet (or, negated, must not): `status:5xx -code:unknown_key key:"my server"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Each with whether it is negated.
    pub conditions: Vec<(bool, Condition)>,
}

impl Filter {
    /// Whether a row passes.
    #[must_use]
    pub fn matches(&self, row: &RequestRow) -> bool {
        self.conditions.iter().all(|(negated, condition)| condition.matches(row) != *negated)
    }

    /// Whether every row passes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The value of the one positive condition on a field, for showing it in a form.
    #[must_use]
    pub fn value_of(&self, field: &str) -> Option<String> {
        self.conditions
            .iter()
            .filter(|(negated, _)| !negated)
            .map(|(_, condition)| condition.field_and_value())
            .find(|(name, _)| *name == field)
            .map(|(_, value)| value)
    }

    /// The filter that a form with one value per field means; empty values mean no condition.
    ///
    /// # Errors
    /// [`Refusal::FilterUnreadable`] with the first part that is not understood.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for (field, value) in fields {
            let value = value.trim();
            if !value.is_empty() {
                let condition =
                    Condition::parse(field, value).ok_or_else(|| unreadable(&format!("{field}:{value}")))?;
                filter.conditions.push((false, condition));
            }
        }
        Ok(filter)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (negated, condition)) in self.conditions.iter().enumerate() {
            let (field, value) = condition.field_and_value();
            let space = if place == 0 { "" } else { " " };
            let minus = if *negated { "-" } else { "" };
            if value.contains(' ') {
                write!(f, "{space}{minus}{field}:\"{value}\"")?;
            } else {
                write!(f, "{space}{minus}{field}:{value}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Filter {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for part in parts(text) {
            let (negated, positive) = part.strip_prefix('-').map_or((false, part), |rest| (true, rest));
            let condition = positive
                .split_once(':')
                .map(|(field, value)| (field, value.trim_matches('"')))
                .filter(|(_, value)| !value.is_empty())
                .and_then(|(field, value)| Condition::parse(field, value))
                .ok_or_else(|| unreadable(part))?;
            filter.conditions.push((negated, condition));
        }
        Ok(filter)
    }
}

/// A refusal repeats at most this much of what was typed: enough to find the place, too little to flood a log.
const SHOWN_PART: usize = 60;

fn unreadable(part: &str) -> Refusal {
    Refusal::FilterUnreadable { part: part.chars().take(SHOWN_PART).collect() }
}

/// Splits at spaces outside double quotes.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        if c == '"' {
            quoted = !quoted;
        }
        c.is_whitespace() && !quoted
    })
    .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn row() -> RequestRow {
        RequestRow {
            id: RequestId::new(Uuid::from_u128(1)),
            at: 0,
            api: Some((ApiId::new(Uuid::from_u128(2)), "almanac".to_owned())),
            caller: Some(Caller {
                key: KeyId::new(Uuid::from_u128(3)),
                key_label: "my server".to_owned(),
                secret_version: 1,
                environment: Environment::Live,
                organization: OrganizationId::new(Uuid::from_u128(4)),
                organization_name: "Northwind".to_owned(),
            }),
            method: "GET".to_owned(),
            route: "/v1/sun/{place}".to_owned(),
            status: 503,
            code: None,
            latency_us: 1,
            upstream_us: None,
            response_bytes: 0,
            key_hint: None,
            cost: 1,
            address: None,
            agent: None,
        }
    }

    fn matches(text: &str) -> Option<bool> {
        text.parse::<Filter>().ok().map(|filter| filter.matches(&row()))
    }

    #[test]
    fn a_filter_means_all_of_its_parts() {
        assert_eq!(matches(""), Some(true));
        assert_eq!(
            matches("status:5xx method:get api:almanac key:\"my server\" code:none environment:live"),
            Some(true)
        );
        assert_eq!(matches("status:503"), Some(true));
        assert_eq!(matches("status:5xx method:POST"), Some(false));
        assert_eq!(matches("-status:5xx"), Some(false));
        assert_eq!(matches("-code:unknown_key"), Some(true));
        assert_eq!(matches(&format!("key:{}", KeyId::new(Uuid::from_u128(3)))), Some(true));
        assert_eq!(matches(&format!("organization:{}", OrganizationId::new(Uuid::from_u128(5)))), Some(false));
    }

    #[test]
    fn a_row_without_caller_meets_no_condition_on_it() {
        let row = RequestRow { caller: None, ..row() };
        for text in ["key:x", "environment:live", "organization:org_00000000000000000000000004"] {
            assert_eq!(text.parse::<Filter>().map(|filter| filter.matches(&row)), Ok(false));
        }
    }

    #[test]
    fn a_filter_survives_being_written_and_read() {
        let text = "status:5xx -method:POST key:\"my server\" code:none";
        assert_eq!(text.parse::<Filter>().map(|filter| filter.to_string()), Ok(text.to_owned()));
    }

    #[test]
    fn an_unreadable_part_is_named() {
        for (text, part) in [
            ("status:ok", "status:ok"),
            ("method:GET colour:red", "colour:red"),
            ("hello", "hello"),
            ("status:", "status:"),
            ("status:6xx", "status:6xx"),
            ("organization:x", "organization:x"),
        ] {
            assert_eq!(text.parse::<Filter>(), Err(Refusal::FilterUnreadable { part: part.to_owned() }));
        }
        let long = format!("x{}", "y".repeat(10_000));
        assert!(matches!(long.parse::<Filter>(), Err(Refusal::FilterUnreadable { part }) if part.len() == SHOWN_PART));
    }

    #[test]
    fn a_form_and_a_text_mean_the_same_filter() {
        let form = Filter::from_fields([("status", "4xx"), ("method", ""), ("key", "my server")]);
        assert_eq!(form, "status:4xx key:\"my server\"".parse());
    }
}
