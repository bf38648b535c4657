//! The mark: a seal of twelve scallops with a check, the second signature.

use leptos::prelude::*;

/// Twelve arcs between points on a circle of radius 8.7 around (12, 12).
const SEAL: &str = "M12 3.3A2.43 2.43 0 0 1 16.35 4.47A2.43 2.43 0 0 1 19.53 7.65A2.43 2.43 0 0 1 20.7 12A2.43 2.43 0 0 1 19.53 16.35A2.43 2.43 0 0 1 16.35 19.53A2.43 2.43 0 0 1 12 20.7A2.43 2.43 0 0 1 7.65 19.53A2.43 2.43 0 0 1 4.47 16.35A2.43 2.43 0 0 1 3.3 12A2.43 2.43 0 0 1 4.47 7.65A2.43 2.43 0 0 1 7.65 4.47A2.43 2.43 0 0 1 12 3.3Z";

/// Draws the mark in the accent colour. Decoration: the name stands beside it.
#[component]
#[must_use]
pub fn Mark(
    /// 32 instead of 22 pixels: alone above a form.
    #[prop(optional)]
    big: bool,
) -> impl IntoView {
    let size = if big { "32" } else { "22" };
    view! {
        <svg
            class=if big { "mark big" } else { "mark" }
            viewBox="0 0 24 24"
            width=size
            height=size
            fill="none"
            stroke="currentColor"
            stroke-width="1.7"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d=SEAL></path>
            <path d="m8.2 12.3 2.6 2.5 5-5.3"></path>
        </svg>
    }
}
