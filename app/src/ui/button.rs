//! Buttons, and links that look like them.

use leptos::ev::MouseEvent;
use leptos::prelude::*;

use super::{Icon, IconView};

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// An action among others.
    #[default]
    Plain,
    /// The one action of the page.
    Primary,
    /// An action that may be overlooked.
    Quiet,
    /// An action that takes something away.
    Danger,
}

pub(super) const fn class(kind: ButtonKind, big: bool, only_icon: bool) -> &'static str {
    match (kind, big, only_icon) {
        (ButtonKind::Plain, _, true) => "btn only-icon",
        (_, _, true) => "btn quiet only-icon",
        (ButtonKind::Plain, false, _) => "btn",
        (ButtonKind::Plain, true, _) => "btn big",
        (ButtonKind::Primary, false, _) => "btn primary",
        (ButtonKind::Primary, true, _) => "btn primary big",
        (ButtonKind::Quiet, false, _) => "btn quiet",
        (ButtonKind::Quiet, true, _) => "btn quiet big",
        (ButtonKind::Danger, false, _) => "btn danger",
        (ButtonKind::Danger, true, _) => "btn danger big",
    }
}

/// A button. Inside a form it submits, unless `push` says that a script reacts to it; `on:click` goes to the element.
#[component]
#[must_use]
pub fn Button(
    /// How it looks.
    #[prop(optional)]
    kind: ButtonKind,
    /// 40 instead of 32 pixels high.
    #[prop(optional)]
    big: bool,
    /// A push button: does not submit the form around it.
    #[prop(optional)]
    push: bool,
    /// An icon before the words.
    #[prop(optional, into)]
    icon: Option<Icon>,
    /// Its name where the icon stands alone; leave the children empty then.
    #[prop(optional)]
    label: &'static str,
    /// The field it sends, if it is one of several in a form.
    #[prop(optional)]
    name: &'static str,
    /// The value it sends.
    #[prop(optional, into)]
    value: String,
    /// Work is under way: a spinner, and further clicks are ignored. The button keeps its size and the focus.
    #[prop(optional, into)]
    pending: Signal<bool>,
    /// The words: a verb.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let only_icon = children.is_none();
    let ignore = move |event: MouseEvent| {
        if pending.get_untracked() {
            event.prevent_default();
            event.stop_immediate_propagation();
        }
    };
    view! {
        <button
            type=if push { "button" } else { "submit" }
            class=class(kind, big, only_icon)
            name=(!name.is_empty()).then_some(name)
            value=(!name.is_empty()).then_some(value)
            aria-label=(!label.is_empty()).then_some(label)
            aria-disabled=move || pending.get().then_some("true")
            on:click=ignore
        >
            <span class="btn-label">
                {icon.map(|icon| view! { <IconView icon/> })} {children.map(|children| children())}
            </span>
            {move || pending.get().then(|| view! { <span class="spinner" role="status"><span class="unseen">"Working"</span></span> })}
        </button>
    }
    .into_any()
}

/// A link that looks like a button, for going somewhere.
#[component]
#[must_use]
pub fn LinkButton(
    /// Where to.
    #[prop(into)]
    href: String,
    /// How it looks.
    #[prop(optional)]
    kind: ButtonKind,
    /// 40 instead of 32 pixels high.
    #[prop(optional)]
    big: bool,
    /// An icon before the words.
    #[prop(optional, into)]
    icon: Option<Icon>,
    /// Its name where the icon stands alone.
    #[prop(optional)]
    label: &'static str,
    /// The words.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let only_icon = children.is_none();
    view! {
        <a href=href class=class(kind, big, only_icon) aria-label=(!label.is_empty()).then_some(label)>
            <span class="btn-label">
                {icon.map(|icon| view! { <IconView icon/> })} {children.map(|children| children())}
            </span>
        </a>
    }
    .into_any()
}
