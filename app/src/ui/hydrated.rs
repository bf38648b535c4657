//! Whether the browser has taken over the page.

use leptos::prelude::*;

/// False on the server and at hydration, true from then on. Parts that only work with a script show themselves by it,
/// without moving anything.
#[must_use]
pub fn use_hydrated() -> ReadSignal<bool> {
    let (hydrated, set_hydrated) = signal(false);
    Effect::new(move || set_hydrated.set(true));
    hydrated
}
