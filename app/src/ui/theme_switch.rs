//! The switch between light and dark.

use leptos::prelude::*;

use super::{Icon, IconView};
use crate::theme::{SetTheme, Theme, show};

/// Two buttons, of which style shows the one that changes something. A plain form: works without a script; with one the
/// page changes at once and the answer only confirms it.
#[component]
#[must_use]
pub fn ThemeSwitch() -> impl IntoView {
    let action = ServerAction::<SetTheme>::new();
    view! {
        <div class="theme">
            <ActionForm action=action>
                <button type="submit" class="btn quiet only-icon to-dark" name="theme" value="dark" aria-label="Dark theme" title="Dark theme" on:click=|_| show(Theme::Dark)>
                    <IconView icon=Icon::Moon/>
                </button>
                <button type="submit" class="btn quiet only-icon to-light" name="theme" value="light" aria-label="Light theme" title="Light theme" on:click=|_| show(Theme::Light)>
                    <IconView icon=Icon::Sun/>
                </button>
            </ActionForm>
        </div>
    }
    .into_any()
}
