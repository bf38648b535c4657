//! Recovery: getting back into an account whose devices are lost.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Millis;

/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;

/// Random characters of a code: 125 bits, so that its plain hash can be stored.
pub const RECOVERY_CODE_LENGTH: usize = 25;

/// Characters between two dashes.
const GROUP: usize = 5;

/// A recovery code without dashes, spaces and case.
///
/// Letters that Crockford's base32 does not have are read as the digits they look like. What cannot be a code is left as
/// it is: nothing is found under it.
#[must_use]
pub fn squashed_code(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        // One more than a code has, so that what is too long stays wrong.
        .take(RECOVERY_CODE_LENGTH + 1)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

/// A recovery code as it is shown: five groups of five.
#[must_use]
pub fn spaced_code(squashed: &str) -> String {
    let letters: Vec<char> = squashed.chars().collect();
    letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// New recovery codes: the only moment at which they exist outside their person's drawer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// The codes, as they are shown.
    pub codes: Vec<String>,
    /// When they were made.
    pub made_at: Millis,
}

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodes")
    }
}

impl RecoveryCodes {
    /// A text to keep: one code in a line.
    #[must_use]
    pub fn text(&self, portal: &str, address: &str) -> String {
        let mut text =
            format!("Recovery codes of {address} at {portal}\nEach works once. New codes make these useless.\n\n");
        for code in &self.codes {
            text.push_str(code);
            text.push('\n');
        }
        text
    }
}

/// A recovery that waits, as its person sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRecovery {
    /// When it was started.
    pub started_at: Millis,
    /// From when on it can be completed.
    pub ready_at: Millis,
    /// Until when.
    pub expires_at: Millis,
}

/// What a link leads to with which a recovery is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartOffer {
    /// The address of the account.
    pub email: String,
    /// For how many hours the recovery will wait.
    pub wait_h: i64,
}

/// What a link leads to with which a recovery is completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishOffer {
    /// The address of the account.
    pub email: String,
    /// How many passkeys will be removed.
    pub passkeys: u64,
    /// How many recovery codes will be removed.
    pub recovery_codes: u64,
    /// Whether a place among the staff will be lost.
    pub staff: bool,
    /// Until when it can be completed.
    pub expires_at: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_read_aloud_and_typed() {
        let code = "01234-56789-ABCDE-FGHJK-MNPQR";
        let squashed = squashed_code(code);
        assert_eq!(squashed, "0123456789ABCDEFGHJKMNPQR");
        assert_eq!(spaced_code(&squashed), code);
        for typed in [
            "0123456789abcdefghjkmnpqr",
            " oi234 56789 abcde fghjk mnpqr\n",
            "OL234-56789-abcde--fghjk-mnpqr",
            "0 1 2 3 4 5 6 7 8 9 A B C D E F G H J K M N P Q R",
        ] {
            assert_eq!(squashed_code(typed), squashed, "{typed}");
        }
        for wrong in ["", "0123456789ABCDEFGHJKMNPQ", "0123456789ABCDEFGHJKMNPQRR", "0123456789ABCDEFGHJKMNPQS"] {
            assert_ne!(squashed_code(wrong), squashed, "{wrong}");
        }
        assert_eq!(squashed_code(&"x".repeat(100_000)).len(), RECOVERY_CODE_LENGTH + 1);
    }

    #[test]
    fn codes_are_never_printed_by_accident() {
        let codes = RecoveryCodes { codes: vec!["01234-56789-ABCDE-FGHJK-MNPQR".to_owned()], made_at: 0 };
        assert_eq!(format!("{codes:?}"), "RecoveryCodes");
        assert!(codes.text("Countersign", "ada@example.com").ends_with("\n01234-56789-ABCDE-FGHJK-MNPQR\n"));
    }
}
