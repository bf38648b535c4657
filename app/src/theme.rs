//! Light and dark: what the device says, unless the person chose.
//!
//! The choice is a cookie that the server reads, so the first byte of a page already has it.

use leptos::prelude::*;

use crate::error::AppError;

/// The cookie that remembers the choice. Holds the word of a [`Theme`] and nothing else.
pub const COOKIE: &str = "cs_theme";

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Paper.
    Light,
    /// Ink.
    Dark,
}

impl Theme {
    /// The word in the cookie and in `<html data-theme>`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.word() == word)
    }
}

/// Remembers the choice in this browser.
///
/// # Errors
/// [`contract::Refusal::InvalidInput`] for a word that is no theme.
#[server(prefix = "/rpc", endpoint = "theme/set")]
pub async fn set_theme(
    /// The word of a [`Theme`].
    theme: String,
) -> Result<(), AppError> {
    let Some(theme) = Theme::from_word(&theme) else {
        let problem = contract::FieldProblem { field: "theme".to_owned(), problem: contract::Problem::NotAChoice };
        return Err(AppError::Refused(contract::Refusal::InvalidInput { fields: vec![problem] }));
    };
    crate::backend::set_theme(theme);
    Ok(())
}

/// Shows a theme at once, in the browser.
pub fn show(theme: Theme) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-theme", theme.word()); // cannot fail: the name is a valid one
    }
}
