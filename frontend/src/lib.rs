//! The browser's entry point on live pages.

use app::paths;
use leptos::prelude::{document, window};
use leptos::server_fn::redirect::set_redirect_hook;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Element, HtmlAnchorElement, MouseEvent};

/// Takes over the page that the server drew, and says so: tests wait for it instead of guessing.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    let _ = load_other_pages_whole(); // cannot fail: every document can be listened to
    leptos::mount::hydrate_body(app::App);
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-hydrated", ""); // cannot fail: the name is a valid one
    }
}

/// This program knows live pages only. Its router takes every link of ours for one of them, unless the link says
/// `external`: so links to other pages say it, just before the router looks. Answers that redirect load a new page.
fn load_other_pages_whole() -> Result<(), JsValue> {
    let mark = Closure::<dyn Fn(MouseEvent)>::new(|event: MouseEvent| {
        let clicked = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let link = clicked.and_then(|element| element.closest("a[href]").ok().flatten());
        if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok())
            && !paths::is_live(&link.pathname())
        {
            let _ = link.rel_list().add_1("external"); // cannot fail: the word is a valid one
        }
    });
    document().add_event_listener_with_callback_and_bool("click", mark.as_ref().unchecked_ref(), true)?;
    mark.forget();
    // The first hook stays; the router would bring one that looks for the page among its own.
    let _ = set_redirect_hook(|to: &str| {
        let _ = window().location().set_href(to); // fails only for an address that cannot be read
    });
    Ok(())
}
