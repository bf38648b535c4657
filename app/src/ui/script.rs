//! Scripts of their own that a served page needs, such as the one for passkeys.

use leptos::prelude::*;

/// Draws the element that loads a script by its name. The server's document provides it, around served pages only.
#[derive(Clone, Copy)]
pub struct Scripts(pub fn(&'static str) -> AnyView);

/// Loads `app/js/{name}.js`, on a served page. On live pages it draws nothing: they have their own program.
#[component]
#[must_use]
pub fn Script(
    /// The file's name, without its ending: "passkeys".
    name: &'static str,
) -> impl IntoView {
    use_context::<Scripts>().map(|scripts| scripts.0(name))
}
