//! Dialogs: the browser's own, so that focus, Escape and the page behind are taken care of.
//!
//! Opened by `command` attributes, they work without a script; where the browser does not know those, the click handler
//! does the same.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::button::{Button, ButtonKind, class};
use super::{Icon, IconView};

/// A question that must be answered, or a small form.
#[component]
#[must_use]
pub fn Dialog(
    /// Its id: a [`DialogButton`] names it.
    #[prop(into)]
    id: String,
    /// What it is about: "Revoke batch-2026?".
    #[prop(into)]
    title: String,
    /// Open from the start, on a served page: its form was refused. A script puts it above the page; without one it
    /// stands in it.
    #[prop(optional)]
    shown: bool,
    /// Text and forms; buttons at the end in [`DialogActions`].
    children: Children,
) -> impl IntoView {
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    let dialog = view! {
        <dialog class="dialog" id=id aria-labelledby=labelled_by closedby="any">
            <header>
                <h2 id=title_id>{title}</h2>
                <form method="dialog">
                    <Button kind=ButtonKind::Quiet icon=Icon::Close label="Close"/>
                </form>
            </header>
            <div class="body">{children()}</div>
        </dialog>
    };
    // Not an attribute of every dialog: on a live page Leptos sets all of them anew when the list around it changes, which
    // would close an open one.
    if shown { dialog.add_any_attr(leptos::attr::open(true)).into_any() } else { dialog.into_any() }
}

/// The buttons at the end of a dialog or of the form inside it.
#[component]
#[must_use]
pub fn DialogActions(
    /// Buttons, the safe one first.
    children: Children,
) -> impl IntoView {
    view! { <div class="dialog-actions">{children()}</div> }.into_any()
}

/// Opens a dialog.
#[component]
#[must_use]
pub fn DialogButton(
    /// The dialog's id.
    #[prop(into)]
    dialog: String,
    /// How it looks.
    #[prop(optional)]
    kind: ButtonKind,
    /// 40 instead of 32 pixels high.
    #[prop(optional)]
    big: bool,
    /// An icon before the words.
    #[prop(optional, into)]
    icon: Option<Icon>,
    /// The words: a verb.
    children: Children,
) -> impl IntoView {
    let id = dialog.clone();
    let open = move |event: MouseEvent| {
        // The browser may open it itself right after this; it must not be open by then.
        if !knows_commands(&event)
            && let Some(dialog) = find(&id)
            && !dialog.open()
        {
            let _ = dialog.show_modal(); // fails only for a dialog that is open or gone
        }
    };
    view! {
        <button
            type="button"
            class=class(kind, big, false)
            aria-haspopup="dialog"
            commandfor=dialog
            command="show-modal"
            on:click=open
        >
            <span class="btn-label">{icon.map(|icon| view! { <IconView icon/> })} {children()}</span>
        </button>
    }
    .into_any()
}

/// Closes the dialog around it: "Keep the key".
#[component]
#[must_use]
pub fn DialogClose(
    /// The dialog's id.
    #[prop(into)]
    dialog: String,
    /// The words.
    children: Children,
) -> impl IntoView {
    let id = dialog.clone();
    let close = move |event: MouseEvent| {
        if !knows_commands(&event) {
            close_dialog(&id);
        }
    };
    view! {
        <button type="button" class="btn" commandfor=dialog command="close" on:click=close>
            <span class="btn-label">{children()}</span>
        </button>
    }
    .into_any()
}

/// Closes a dialog, if it is open: after its form was accepted.
pub fn close_dialog(id: &str) {
    if let Some(dialog) = find(id)
        && dialog.open()
    {
        dialog.close();
    }
}

fn find(id: &str) -> Option<HtmlDialogElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

fn knows_commands(event: &MouseEvent) -> bool {
    event
        .current_target()
        .is_some_and(|button| js_sys::Reflect::has(&button, &"commandForElement".into()).unwrap_or(false))
}
