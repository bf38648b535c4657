//! Live and test: a field of every key, request row and usage number.

use serde::{Deserialize, Serialize};

/// Which of the two worlds a key belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Real traffic.
    #[default]
    Live,
    /// Traffic of a developer who tries things out.
    Test,
}

impl Environment {
    /// Both, in the order in which pages show them.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// The word inside a key (`cs_live_…`), a URL and the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// The label on a page.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Test => "Test",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|environment| environment.word() == word)
    }
}
