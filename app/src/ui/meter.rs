//! How much of something is used.

use leptos::prelude::*;

use super::Tone;
use super::format;

/// A bar, filled in proportion. The number stands beside it in words; the bar only repeats it.
#[component]
#[must_use]
pub fn Meter(
    /// What is measured: "Calls with the old secret".
    #[prop(into)]
    label: String,
    /// How much.
    value: i64,
    /// Of how much.
    max: i64,
    /// Whether that is a worry.
    #[prop(optional)]
    tone: Tone,
) -> impl IntoView {
    let filled = if max > 0 { value.clamp(0, max) as i128 * 100_000 / i128::from(max) } else { 0 };
    let class = match tone {
        Tone::Warn => "meter warn",
        Tone::Bad => "meter bad",
        _ => "meter",
    };
    view! {
        <svg
            class=class
            height="6"
            role="meter"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax=max.to_string()
            aria-valuenow=value.to_string()
        >
            <rect width=format!("{}%", format::thousandths(filled as i64)) height="6" rx="3"></rect>
        </svg>
    }
    .into_any()
}
