//! The table of requests: one line a row on a desk, two in a hand.

use leptos::prelude::*;

use super::Column;
use super::format;

/// A dense table whose rows fold into two lines on a phone.
///
/// Rows are `<tr role="row">` with `<td role="cell">`: the roles are written out because folding takes them away.
/// On a phone the first line holds the cells in their order; `class="end"` puts a cell at its end, `class="line"` onto the
/// second line, and `class="opt"` leaves it out.
#[component]
#[must_use]
pub fn LogTable(
    /// Names it for assistive technology.
    #[prop(into)]
    label: String,
    /// Its head.
    columns: Vec<Column>,
    /// Rows.
    children: Children,
) -> impl IntoView {
    let name = label.clone();
    let heads: Vec<AnyView> = columns.into_iter().map(|column| column.head(Some("columnheader"))).collect();
    view! {
        <div class="scroll tall" role="region" tabindex="0" aria-label=label>
            <table class="table dense rows" role="table" aria-label=name>
                <thead role="rowgroup">
                    <tr role="row">{heads}</tr>
                </thead>
                <tbody role="rowgroup">{children()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Longest bar: what takes half a second or more is equally slow to the eye.
const LONGEST_US: i64 = 500_000;

/// A latency as a number and a bar. The bar's length is proportional, up to half a second.
#[component]
#[must_use]
pub fn LatencyBar(
    /// Microseconds.
    microseconds: i64,
) -> impl IntoView {
    let thousandths = microseconds.clamp(0, LONGEST_US) * 46_000 / LONGEST_US + 2_000;
    let width = format::thousandths(thousandths);
    let start = format::thousandths(48_000 - thousandths);
    view! {
        <span class="latency">
            <svg viewBox="0 0 48 4" width="48" height="4" aria-hidden="true">
                <rect x=start width=width height="4" rx="2"></rect>
            </svg>
            {format::latency(microseconds)}
        </span>
    }
    .into_any()
}
