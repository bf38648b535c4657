//! Buttons that ask for a passkey. Their script shows them where the browser can; the place they take is theirs before
//! that, and holds a sentence where they stay away: nothing moves.

use leptos::prelude::*;

use crate::ui::{Icon, IconView, Script};

/// What a passkey is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyFor {
    /// Signing in.
    SignIn,
    /// Confirming that it is still the same person.
    StepUp,
    /// A new passkey.
    Create,
}

impl PasskeyFor {
    const fn word(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::StepUp => "step-up",
            Self::Create => "create",
        }
    }
}

/// The button, the sentence that stands in for it, and a place for what goes wrong.
#[component]
#[must_use]
pub fn PasskeyButton(
    /// What for.
    what: PasskeyFor,
    /// Its words: a verb.
    #[prop(into)]
    label: String,
    /// Where to go afterwards.
    #[prop(into)]
    next: String,
    /// The page that confirms first, for a new passkey.
    #[prop(optional)]
    confirm: Option<&'static str>,
    /// The token of the link that brought the person here, for a new passkey.
    #[prop(optional, into)]
    token: Option<String>,
    /// What to do where there are no passkeys: no script, or an old browser.
    #[prop(into)]
    otherwise: String,
) -> impl IntoView {
    view! {
        <div class="passkey">
            <button
                type="button"
                class="btn primary big"
                data-passkey=what.word()
                data-next=next
                data-confirm=confirm
                data-token=token
            >
                <span class="btn-label"><IconView icon=Icon::Key/>{label}</span>
            </button>
            <p class="small muted" data-passkey-when="unavailable">{otherwise}</p>
        </div>
        <div class="form-errors" role="alert" hidden data-passkey-status></div>
        <Script name="passkeys"/>
    }
    .into_any()
}

/// A line between two ways: "or with your email".
#[component]
#[must_use]
pub fn Or(
    /// The words.
    children: Children,
) -> impl IntoView {
    view! { <p class="or">{children()}</p> }.into_any()
}
