//! What stands for a part that is still under way, in its final size.

use leptos::prelude::*;

/// Lines of text, or rows of a table.
#[component]
#[must_use]
pub fn Skeleton(
    /// How many.
    #[prop(default = 3)]
    lines: u32,
) -> impl IntoView {
    let lines: Vec<AnyView> = (0..lines).map(|_| view! { <div class="skeleton line"></div> }.into_any()).collect();
    view! { <div role="status"><span class="unseen">"Loading"</span>{lines}</div> }.into_any()
}

/// A chart.
#[component]
#[must_use]
pub fn SkeletonChart() -> impl IntoView {
    view! { <div class="skeleton chart" role="status"><span class="unseen">"Loading"</span></div> }.into_any()
}
