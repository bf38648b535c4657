//! Copying to the clipboard.

use std::time::Duration;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event};

use super::{Icon, IconView};

/// How long "Copied" stays: long enough to be read, short enough to copy twice.
const FEEDBACK: Duration = Duration::from_millis(1_800);

/// Copies a text. Both faces of the button always have their place, so that nothing moves; it is invisible where the
/// browser has no clipboard to offer (no script, or not a secure context).
#[component]
#[must_use]
pub fn CopyButton(
    /// What is copied. Left out, it is what stands in the `code` beside the button: a secret stands in its page once.
    #[prop(optional, into)]
    text: Option<String>,
    /// Its words, or its name where the icon stands alone.
    #[prop(default = "Copy".to_owned(), into)]
    label: String,
    /// Only the icon is drawn.
    #[prop(optional)]
    only_icon: bool,
) -> impl IntoView {
    let (ready, set_ready) = signal(false);
    let (copied, set_copied) = signal(false);
    Effect::new(move || set_ready.set(window().is_secure_context()));
    let copy = move |event: MouseEvent| {
        if let Some(text) = text_of(&event) {
            write_to_clipboard(&text, set_copied);
        }
    };
    let words = (!only_icon).then(|| label.clone());
    let said = if only_icon { None } else { Some("Copied") };
    view! {
        <button
            type="button"
            class=if only_icon { "btn quiet only-icon copy" } else { "btn copy" }
            aria-label=only_icon.then_some(label)
            title=only_icon.then_some("Copy")
            data-text=text
            data-ready=move || ready.get().then_some("")
            data-copied=move || copied.get().then_some("")
            on:click=copy
        >
            <span class="faces">
                <span class="idle"><IconView icon=Icon::Copy/>{words}</span>
                <span class="done" aria-hidden="true"><IconView icon=Icon::Check/>{said}</span>
            </span>
            <span class="unseen" role="status">{move || if copied.get() { "Copied" } else { "" }}</span>
        </button>
    }
    .into_any()
}

/// What the button that was pressed copies.
fn text_of(event: &Event) -> Option<String> {
    let button = event.current_target()?.dyn_into::<Element>().ok()?;
    let beside = || button.parent_element()?.query_selector("code").ok()??.text_content();
    button.get_attribute("data-text").or_else(beside)
}

fn write_to_clipboard(text: &str, set_copied: WriteSignal<bool>) {
    let written = Closure::once(move |_: JsValue| {
        set_copied.set(true);
        set_timeout(
            move || {
                let _ = set_copied.try_set(false); // the button may be gone by then
            },
            FEEDBACK,
        );
    });
    // A browser that refuses leaves the button as it was: nothing was copied, and nothing is claimed.
    let refused = Closure::once(|_: JsValue| {});
    let _ = window().navigator().clipboard().write_text(text).then2(&written, &refused);
    written.forget();
    refused.forget();
}
