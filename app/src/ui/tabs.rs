//! Tabs: links between views of one page.

use leptos::prelude::*;

/// One view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// Its name.
    pub label: String,
    /// Its address.
    pub href: String,
    /// Whether it is shown.
    pub current: bool,
}

/// Links between views of one page. The view stands in the address, so it can be shared and the back button works.
#[component]
#[must_use]
pub fn Tabs(
    /// What is chosen: "Range".
    label: &'static str,
    /// The views.
    tabs: Vec<Tab>,
) -> impl IntoView {
    let links: Vec<AnyView> = tabs
        .into_iter()
        .map(|tab| view! { <a href=tab.href aria-current=tab.current.then_some("page")>{tab.label}</a> }.into_any())
        .collect();
    view! { <nav class="tabs" aria-label=label>{links}</nav> }.into_any()
}
