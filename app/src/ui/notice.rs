//! Notices and notes: sentences that stand apart.

use leptos::prelude::*;

use super::{Icon, IconView, Tone};

/// A message about the whole page: something was done, or needs doing.
#[component]
#[must_use]
pub fn Notice(
    /// How urgent.
    #[prop(default = Tone::Info)]
    tone: Tone,
    /// Read out when it appears: the answer to what a person just did.
    #[prop(optional)]
    live: bool,
    /// A few words.
    #[prop(optional, into)]
    title: String,
    /// The message.
    children: Children,
) -> impl IntoView {
    let (class, icon) = match tone {
        Tone::Ok => ("notice ok", Icon::Check),
        Tone::Warn => ("notice warn", Icon::Warning),
        Tone::Bad => ("notice bad", Icon::Warning),
        Tone::Info => ("notice info", Icon::Info),
        Tone::Neutral | Tone::Accent => ("notice", Icon::Info),
    };
    view! {
        <div class=class role=live.then_some("status")>
            <IconView icon/>
            <div class="body">
                {(!title.is_empty()).then(|| view! { <b class="block">{title}</b> })} {children()}
            </div>
        </div>
    }
    .into_any()
}

/// An aside: why something is as it is.
#[component]
#[must_use]
pub fn Note(
    /// The aside.
    children: Children,
) -> impl IntoView {
    view! { <div class="note">{children()}</div> }.into_any()
}
