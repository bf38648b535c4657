//! The privacy profile of an API: what the log keeps of those who call it.
//!
//! - Of end users nothing is kept, and no profile can say otherwise: [`Callers::EndUsers`] has no place for a policy.
//! - A [`KeptAddress`] and a [`KeptAgent`] exist only where a policy allowed it, and are cut as it says, also when they are
//!   read back. Rows have a place for these two types, and for no other address or agent.
//! - Each request leaves a row whatever the profile says: quotas, charts and invoices are sums of rows. A lower log level
//!   leaves things out of the row.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Fewest and most days for which an API's rows are kept. The most is the term of the register.
pub const RETENTION_DAYS: (i64, i64) = (1, 90);

/// Longest agent that is kept, in characters: names of a program and its libraries.
pub const AGENT_MAX: usize = 200;

/// The first bits of an address that stay when it is cut: a network of 256 addresses in IPv4, of a site in IPv6.
const CUT_V4: u32 = 24;
const CUT_V6: u32 = 48;

/// What the log of one API keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrivacyProfile {
    /// Who calls, and what is kept of them.
    pub callers: Callers,
    /// How much a row says.
    pub log_level: LogLevel,
    /// For how many days rows are kept, within [`RETENTION_DAYS`].
    pub retention_days: u16,
}

impl Default for PrivacyProfile {
    fn default() -> Self {
        Self { callers: Callers::default(), log_level: LogLevel::default(), retention_days: 90 }
    }
}

impl PrivacyProfile {
    /// The same in sentences, for the published page.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let kept = match self.callers {
            Callers::EndUsers => "End users call it: neither network address nor user agent is kept.".to_owned(),
            Callers::Servers { address, agent } => match (address, agent) {
                (AddressPolicy::None, AgentPolicy::None) => {
                    "Programs of developers call it: neither network address nor user agent is kept.".to_owned()
                }
                (address, agent) => format!(
                    "Programs of developers call it. Network address: {}. User agent: {}. Of a browser, neither.",
                    address.label().to_lowercase(),
                    agent.label().to_lowercase()
                ),
            },
        };
        vec![
            kept,
            format!("Rows: {}.", self.log_level.label().to_lowercase()),
            format!("Kept for {} days.", self.retention_days),
        ]
    }
}

/// Who calls an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Callers {
    /// Programs of developers, on their own machines.
    #[serde(rename = "server")]
    Servers {
        /// What is kept of their address.
        address: AddressPolicy,
        /// What is kept of the name that they give themselves.
        agent: AgentPolicy,
    },
    /// Apps in the hands of people who have no account here. Nothing of them is kept.
    #[serde(rename = "end_user")]
    EndUsers,
}

impl Default for Callers {
    fn default() -> Self {
        Self::Servers { address: AddressPolicy::None, agent: AgentPolicy::None }
    }
}

impl Callers {
    /// The words in forms and in the database, each with what it means.
    pub const WORDS: [(&'static str, &'static str); 2] =
        [("server", "Programs of developers, on their own machines"), ("end_user", "Apps in the hands of end users")];

    /// The word for who calls.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Servers { .. } => "server",
            Self::EndUsers => "end_user",
        }
    }

    /// What is kept of an address.
    #[must_use]
    pub const fn address(self) -> AddressPolicy {
        match self {
            Self::Servers { address, .. } => address,
            Self::EndUsers => AddressPolicy::None,
        }
    }

    /// What is kept of an agent.
    #[must_use]
    pub const fn agent(self) -> AgentPolicy {
        match self {
            Self::Servers { agent, .. } => agent,
            Self::EndUsers => AgentPolicy::None,
        }
    }

    /// Puts the words of the three columns together. `None` for words that are none, and for end users of whom something
    /// would be kept.
    #[must_use]
    pub fn from_words(kind: &str, address: &str, agent: &str) -> Option<Self> {
        let (address, agent) = (AddressPolicy::from_word(address)?, AgentPolicy::from_word(agent)?);
        match (kind, address, agent) {
            ("server", address, agent) => Some(Self::Servers { address, agent }),
            ("end_user", AddressPolicy::None, AgentPolicy::None) => Some(Self::EndUsers),
            _ => None,
        }
    }
}

/// What is kept of the network address of a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressPolicy {
    /// Nothing.
    #[default]
    None,
    /// Its network: the first 24 bits of IPv4, the first 48 of IPv6.
    Truncated,
    /// All of it, for seven days.
    #[serde(rename = "full_7d")]
    SevenDays,
    /// All of it, as long as the row.
    #[serde(rename = "full_90d")]
    NinetyDays,
}

impl AddressPolicy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Truncated, Self::SevenDays, Self::NinetyDays];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Truncated => "truncated",
            Self::SevenDays => "full_7d",
            Self::NinetyDays => "full_90d",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "Not kept",
            Self::Truncated => "Its network alone (/24, /48)",
            Self::SevenDays => "Whole, for 7 days",
            Self::NinetyDays => "Whole, as long as the row",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.word() == word)
    }

    /// What may be kept of an address: the one way to a [`KeptAddress`].
    #[must_use]
    pub fn keep(self, address: IpAddr) -> Option<KeptAddress> {
        let address = address.to_canonical();
        let address = match (self, address) {
            (Self::None, _) => return None,
            (Self::SevenDays | Self::NinetyDays, _) => address,
            (Self::Truncated, IpAddr::V4(v4)) => {
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << (u32::BITS - CUT_V4))))
            }
            (Self::Truncated, IpAddr::V6(v6)) => {
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (u128::BITS - CUT_V6))))
            }
        };
        Some(KeptAddress { policy: self, address })
    }
}

/// What is kept of the name that a program gives itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentPolicy {
    /// Nothing.
    #[default]
    None,
    /// What it says, up to [`AGENT_MAX`] characters.
    Full,
}

impl AgentPolicy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::None, Self::Full];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Full => "full",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "Not kept",
            Self::Full => "Kept with the row",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.word() == word)
    }

    /// What may be kept of an agent: the one way to a [`KeptAgent`].
    #[must_use]
    pub fn keep(self, agent: &str) -> Option<KeptAgent> {
        let kept: String = agent.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
        (self == Self::Full && !kept.is_empty()).then_some(KeptAgent { agent: kept })
    }
}

/// How much a row says. There is a row for each request in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Everything that a row has a place for.
    #[default]
    Full,
    /// That for requests that the gateway refused; what the upstream answered is only counted.
    Refusals,
    /// Requests are counted: who called which API when, how long it took, and what came of it.
    Counts,
}

impl LogLevel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Refusals, Self::Counts];

    /// The word in forms and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Refusals => "refusals",
            Self::Counts => "counts",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "Every request with its route",
            Self::Refusals => "Refused requests with their route, others without",
            Self::Counts => "Every request without its route",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }

    /// Whether the row of a request says all that it has a place for.
    #[must_use]
    pub const fn is_full_for(self, refused: bool) -> bool {
        match self {
            Self::Full => true,
            Self::Refusals => refused,
            Self::Counts => false,
        }
    }
}

/// A network address that a policy lets the log keep, cut as it says. `Debug` says nothing of it, so that no log of the
/// program itself does by accident.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct KeptAddress {
    /// Never `None`.
    policy: AddressPolicy,
    address: IpAddr,
}

impl KeptAddress {
    /// By which policy.
    #[must_use]
    pub const fn policy(&self) -> AddressPolicy {
        self.policy
    }

    /// The text for storage and pages: an address, or a network such as `203.0.113.0/24`.
    #[must_use]
    pub fn text(&self) -> String {
        match (self.policy, self.address) {
            (AddressPolicy::Truncated, IpAddr::V4(address)) => format!("{address}/{CUT_V4}"),
            (AddressPolicy::Truncated, IpAddr::V6(address)) => format!("{address}/{CUT_V6}"),
            (_, address) => address.to_string(),
        }
    }

    /// Reads words of a store back. What is read is cut once more: no other way in leads past the policy.
    #[must_use]
    pub fn stored(policy: &str, text: &str) -> Option<Self> {
        let address = text.split_once('/').map_or(text, |(address, _)| address);
        AddressPolicy::from_word(policy)?.keep(address.parse().ok()?)
    }
}

impl fmt::Debug for KeptAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptAddress({})", self.policy.word())
    }
}

/// A kept address as a program reads it.
#[derive(Serialize, Deserialize)]
struct Written {
    policy: String,
    text: String,
}

impl From<KeptAddress> for Written {
    fn from(kept: KeptAddress) -> Self {
        Self { policy: kept.policy.word().to_owned(), text: kept.text() }
    }
}

impl TryFrom<Written> for KeptAddress {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Self::stored(&written.policy, &written.text).ok_or("no address that a policy lets the log keep")
    }
}

/// The name of a calling program that a policy lets the log keep. `Debug` says nothing of it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeptAgent {
    agent: String,
}

impl KeptAgent {
    /// The text for storage and pages.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.agent
    }

    /// Reads the words of a store back.
    #[must_use]
    pub fn stored(policy: &str, text: &str) -> Option<Self> {
        AgentPolicy::from_word(policy)?.keep(text)
    }
}

impl From<KeptAgent> for String {
    fn from(kept: KeptAgent) -> Self {
        kept.agent
    }
}

impl TryFrom<String> for KeptAgent {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        AgentPolicy::Full.keep(&text).ok_or("no agent")
    }
}

impl fmt::Debug for KeptAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptAgent")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn kept(policy: AddressPolicy, address: &str) -> Option<String> {
        policy.keep(address.parse().unwrap()).map(|kept| kept.text())
    }

    #[test]
    fn words_of_a_profile_survive_being_written_and_read() {
        assert!(AddressPolicy::ALL.into_iter().all(|one| AddressPolicy::from_word(one.word()) == Some(one)));
        assert!(AgentPolicy::ALL.into_iter().all(|one| AgentPolicy::from_word(one.word()) == Some(one)));
        assert!(LogLevel::ALL.into_iter().all(|one| LogLevel::from_word(one.word()) == Some(one)));
        for (word, _) in Callers::WORDS {
            assert_eq!(Callers::from_words(word, "none", "none").unwrap().word(), word);
        }
    }

    /// Claims: FLOW-16, FLOW-17
    #[test]
    fn nothing_can_be_kept_of_end_users() {
        assert_eq!(Callers::from_words("end_user", "none", "none"), Some(Callers::EndUsers));
        for (address, agent) in [("truncated", "none"), ("full_7d", "none"), ("full_90d", "full"), ("none", "full")] {
            assert_eq!(Callers::from_words("end_user", address, agent), None);
        }
        assert_eq!(Callers::EndUsers.address().keep("203.0.113.7".parse().unwrap()), None);
        assert_eq!(Callers::EndUsers.agent().keep("curl/8"), None);
        assert_eq!(Callers::default().address().keep("203.0.113.7".parse().unwrap()), None);
    }

    /// Claims: MAST-23, MASA-08
    #[test]
    fn an_address_is_kept_as_its_policy_says() {
        use AddressPolicy::{NinetyDays, None as Nothing, SevenDays, Truncated};
        for (policy, address, text) in [
            (Nothing, "203.0.113.7", None),
            (Truncated, "203.0.113.7", Some("203.0.113.0/24")),
            (Truncated, "::ffff:203.0.113.7", Some("203.0.113.0/24")),
            (Truncated, "2001:db8:1:2:3:4:5:6", Some("2001:db8:1::/48")),
            (SevenDays, "203.0.113.7", Some("203.0.113.7")),
            (NinetyDays, "2001:db8::7", Some("2001:db8::7")),
        ] {
            assert_eq!(kept(policy, address).as_deref(), text);
        }
    }

    #[test]
    fn a_stored_address_is_cut_once_more_and_one_without_a_policy_is_none() {
        let read = |policy, text| KeptAddress::stored(policy, text).map(|kept| kept.text());
        assert_eq!(read("truncated", "203.0.113.0/24").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(read("truncated", "203.0.113.7").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(read("none", "203.0.113.7"), None);
        assert_eq!(read("all", "203.0.113.7"), None);
        assert_eq!(read("full_7d", "somewhere"), None);
        let json = serde_json::to_string(&AddressPolicy::Truncated.keep("203.0.113.7".parse().unwrap())).unwrap();
        assert_eq!(json, r#"{"policy":"truncated","text":"203.0.113.0/24"}"#);
        assert!(serde_json::from_str::<KeptAddress>(r#"{"policy":"none","text":"203.0.113.7"}"#).is_err());
        let sly: KeptAddress = serde_json::from_str(r#"{"policy":"truncated","text":"203.0.113.7"}"#).unwrap();
        assert_eq!(sly.text(), "203.0.113.0/24");
        assert!(!format!("{sly:?}").contains("203"));
    }

    #[test]
    fn an_agent_is_kept_whole_up_to_its_length_or_not_at_all() {
        assert_eq!(AgentPolicy::None.keep("curl/8"), None);
        let long = "x".repeat(AGENT_MAX + 1);
        assert_eq!(AgentPolicy::Full.keep(&long).unwrap().text().len(), AGENT_MAX);
        assert_eq!(AgentPolicy::Full.keep("a\u{1b}[31mb").unwrap().text(), "a[31mb");
        assert_eq!(AgentPolicy::Full.keep(""), None);
    }
}
