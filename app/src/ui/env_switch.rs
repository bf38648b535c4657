//! The switch between live and test.

use contract::Environment;
use leptos::prelude::*;

use super::{Tab, Tabs};

/// Links to the same page in the other environment.
#[component]
#[must_use]
pub fn EnvSwitch(
    /// Which one is shown.
    current: Environment,
    /// The page's address in an environment.
    href: fn(Environment) -> String,
) -> impl IntoView {
    let tabs = Environment::ALL
        .into_iter()
        .map(|environment| Tab {
            label: environment.label().to_owned(),
            href: href(environment),
            current: environment == current,
        })
        .collect();
    view! { <Tabs label="Environment" tabs/> }
}
