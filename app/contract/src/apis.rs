//! APIs: what the operator opens to developers.

use serde::{Deserialize, Serialize};

use crate::leaks::LeakTerms;
use crate::limits::Limit;
use crate::plans::Plan;
use crate::{ApiId, Environment, Millis, PlanId};

mod privacy;

pub use privacy::{
    AGENT_MAX, AddressPolicy, AgentPolicy, Callers, KeptAddress, KeptAgent, LogLevel, PrivacyProfile, RETENTION_DAYS,
};

/// Shortest and longest time that an upstream may be given, in milliseconds.
pub const TIMEOUT_MS: (i64, i64) = (100, 300_000);

/// Smallest and largest request body that an API may be given, in bytes: up to 1 GiB.
pub const BODY_BYTES: (i64, i64) = (0, 1 << 30);

/// Largest OpenAPI document, in bytes.
pub const OPENAPI_MAX: usize = 1 << 20;

/// Longest address of an upstream, in bytes.
pub const UPSTREAM_MAX: usize = 500;

/// Most addresses of an upstream beside the first.
pub const MORE_UPSTREAMS_MAX: usize = 9;

/// Most origins that an API can be open to: a list that a person still reads.
pub const ORIGINS_MAX: usize = 50;

/// Longest slug, in characters.
pub const SLUG_MAX: usize = 40;

/// Longest name of an API or a plan, in characters.
pub const NAME_MAX: usize = 80;

/// Most units that one request can cost.
pub const COST_MAX: i64 = 1_000;

/// What happens to a request whose row cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogMode {
    /// It is refused: no request without its row.
    Required,
    /// It is answered, and the gap is noted.
    #[default]
    BestEffort,
}

impl LogMode {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::BestEffort, Self::Required];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::BestEffort => "best_effort",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Required => "Refuse requests whose row cannot be written",
            Self::BestEffort => "Answer them, and note the gap",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

/// Keys of which environments an API is open to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environments {
    /// Live and test.
    #[default]
    Both,
    /// Live alone.
    Live,
    /// Test alone.
    Test,
}

impl Environments {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Both, Self::Live, Self::Test];

    /// Whether a key of this environment is let in.
    #[must_use]
    pub const fn allows(self, environment: Environment) -> bool {
        match self {
            Self::Both => true,
            Self::Live => matches!(environment, Environment::Live),
            Self::Test => matches!(environment, Environment::Test),
        }
    }

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Both => "Live and test keys",
            Self::Live => "Live keys alone",
            Self::Test => "Test keys alone",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|environments| environments.word() == word)
    }
}

/// Whether developers may see the secret of a key again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// A secret is shown once.
    #[default]
    Off,
    /// A secret is kept, sealed, and shown to its owner again.
    On,
}

impl Recovery {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Off, Self::On];

    /// The word in forms.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
        }
    }

    /// What the page calls it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Off => "Secrets are shown once",
            Self::On => "Secrets are kept, sealed, and can be shown again",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recovery| recovery.word() == word)
    }
}

/// On what terms the gateway forwards to an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTerms {
    /// How long the upstream may take until its answer begins, in milliseconds.
    pub timeout_ms: u32,
    /// Largest request body, in bytes.
    pub body_max_bytes: u64,
    /// What happens when a row cannot be written.
    pub log_mode: LogMode,
    /// Keys of which environments are let in.
    pub environments: Environments,
    /// Origins of pages that may call it from a browser, such as `https://app.example.com`. Empty means that origins are
    /// not looked at: most APIs are called by programs, which send none.
    pub allowed_origins: Vec<String>,
    /// How much one network address may ask of it.
    pub address_limit: Option<Limit>,
    /// What the log keeps of those who call it.
    pub privacy: PrivacyProfile,
    /// Where it is too: requests go to all its addresses in turn, and to the next one when one takes no connection.
    pub more_upstreams: Vec<String>,
}

impl Default for ApiTerms {
    fn default() -> Self {
        Self {
            timeout_ms: 30_000,
            body_max_bytes: 10 << 20,
            log_mode: LogMode::default(),
            environments: Environments::default(),
            allowed_origins: Vec::new(),
            address_limit: None,
            privacy: PrivacyProfile::default(),
            more_upstreams: Vec::new(),
        }
    }
}

/// What one route asks and costs, from the API's OpenAPI document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTerms {
    /// Scopes that a key must have, all of them.
    pub scopes: Vec<String>,
    /// Units that one request takes from the quota, 1 to 1,000.
    pub cost: i64,
    /// How often one key may call it.
    pub limit: Option<Limit>,
}

impl Default for RouteTerms {
    fn default() -> Self {
        Self { scopes: Vec::new(), cost: 1, limit: None }
    }
}

/// An API, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskApi {
    /// Its id.
    pub id: ApiId,
    /// First path segment at the gateway.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Where the gateway forwards to.
    pub upstream_url: String,
    /// On what terms.
    pub terms: ApiTerms,
    /// What is done when the secret of a key that may call it leaks.
    pub leaks: LeakTerms,
    /// Whether it allows that developers see the secret of a key again.
    pub recovery: Recovery,
    /// Whether secrets of keys are kept now: every open API allows it.
    pub secrets_kept: bool,
    /// The plan that every organization has without subscribing.
    pub default_plan: Option<PlanId>,
    /// All its plans, in their order; closed ones too.
    pub plans: Vec<Plan>,
    /// How many operations its document lists.
    pub operations: u32,
    /// The document, as it was given.
    pub openapi: String,
    /// When it was registered.
    pub created_at: Millis,
    /// When it was last changed.
    pub updated_at: Millis,
    /// When it was closed: the gateway and the docs do not know it any more.
    pub closed_at: Option<Millis>,
}

/// An API, in the list of the desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskApiRow {
    /// First path segment at the gateway.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Where the gateway forwards to.
    pub upstream_url: String,
    /// How many open plans it has.
    pub plans: u32,
    /// How many subscriptions wait for an answer.
    pub waiting: u32,
    /// When it was closed.
    pub closed_at: Option<Millis>,
}

/// An API, as the docs list it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiSummary {
    /// First path segment at the gateway.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// How many operations its OpenAPI document lists.
    pub operations: u32,
}

/// What the log keeps of those who call an API, for the privacy page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiPrivacy {
    /// First path segment at the gateway.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What is kept.
    pub profile: PrivacyProfile,
}

/// An API with its operations, for its docs page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiDocs {
    /// What the list shows.
    pub api: ApiSummary,
    /// A longer text from its OpenAPI document, plain.
    pub description: String,
    /// Where to call it: the gateway's public address and the slug.
    pub base_url: String,
    /// Its operations, in the order of the document.
    pub operations: Vec<Operation>,
}

/// One operation of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// HTTP method, upper case.
    pub method: String,
    /// Path template, such as `/v1/sun/{place}`.
    pub path: String,
    /// One line.
    pub summary: String,
    /// A longer text, plain.
    pub description: String,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// What it asks and costs.
    pub terms: RouteTerms,
    /// A request body to copy, if it takes one.
    pub example_body: Option<String>,
    /// An example path, with the parameters filled in.
    pub example_path: String,
}

/// A parameter of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `path` or `query`.
    pub place: String,
    /// Whether it must be given.
    pub required: bool,
    /// What it means.
    pub description: String,
    /// A value to try; empty if the document gives none.
    pub example: String,
}

/// A call that somebody typed into the form of an operation; without the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedCall {
    /// Method of the operation.
    pub method: String,
    /// Its path template.
    pub path: String,
    /// What stood in the fields of its parameters.
    pub fields: Vec<(String, String)>,
    /// What stood in the field for the body.
    pub body: String,
}

impl TypedCall {
    /// The name of the field of a parameter.
    #[must_use]
    pub fn field(place: &str, name: &str) -> String {
        format!("{place}.{name}")
    }

    /// The fields of the form, as they were sent. Those that are none of it are left out.
    #[must_use]
    pub fn of(fields: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "method" => typed.method = value,
                "path" => typed.path = value,
                "body" => typed.body = value,
                name if name.starts_with("path.") || name.starts_with("query.") => {
                    typed.fields.push((name.to_owned(), value));
                }
                _ => {}
            }
        }
        typed
    }

    /// What was typed for a parameter.
    #[must_use]
    pub fn value(&self, place: &str, name: &str) -> &str {
        let field = Self::field(place, name);
        self.fields.iter().find(|(other, _)| *other == field).map_or("", |(_, value)| value)
    }
}

/// What a tried call was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedAnswer {
    /// Its status.
    pub status: u16,
    /// Under which id its row stands.
    pub request: Option<crate::RequestId>,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// The beginning of its body; absent if it is no text.
    pub body: Option<String>,
    /// Whether that is all of it.
    pub is_whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_being_written_and_read() {
        assert!(LogMode::ALL.into_iter().all(|mode| LogMode::from_word(mode.word()) == Some(mode)));
        assert!(Environments::ALL.into_iter().all(|one| Environments::from_word(one.word()) == Some(one)));
    }

    #[test]
    fn an_api_for_one_environment_lets_no_other_in() {
        for environment in [Environment::Live, Environment::Test] {
            assert!(Environments::Both.allows(environment));
            assert_eq!(Environments::Live.allows(environment), environment == Environment::Live);
            assert_eq!(Environments::Test.allows(environment), environment == Environment::Test);
        }
    }
}
