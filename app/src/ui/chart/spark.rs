//! A chart the size of a word.

use leptos::prelude::*;

use crate::ui::format::{counted, thousandths};

/// Widest bar with its gap, in thousandths of a pixel: two values are bars, not blocks.
const WIDEST: i64 = 10_000;

/// Bars without axes, in a cell of a table. Every non-zero value is seen; the numbers are in its text.
#[component]
#[must_use]
pub fn Spark(
    /// The values, oldest first.
    values: Vec<i64>,
    /// Over which time: "last 7 days".
    #[prop(into)]
    over: String,
) -> impl IntoView {
    let total: i64 = values.iter().sum();
    if total == 0 {
        return view! { <span class="faint">"none"</span> }.into_any();
    }
    let most = values.iter().copied().max().unwrap_or(1).max(1);
    let label = format!("{} in the {over}", counted(total, "request", "requests"));
    let title = label.clone();
    let slot = (72_000 / values.len().max(1) as i64).min(WIDEST);
    let bars: Vec<AnyView> = values
        .iter()
        .enumerate()
        .map(|(place, value)| {
            let tall =
                if *value > 0 { (i128::from(*value) * 16_000 / i128::from(most)).max(2_000) as i64 } else { 500 };
            view! {
                <rect
                    x=thousandths(place as i64 * slot)
                    y=thousandths(18_000 - tall)
                    width=thousandths(slot * 3 / 4)
                    height=thousandths(tall)
                    rx="0.5"
                ></rect>
            }
            .into_any()
        })
        .collect();
    view! {
        <svg class="spark" viewBox="0 0 72 18" width="72" height="18" role="img" aria-label=label>
            <title>{title}</title>
            {bars}
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spark_is_drawn_as_it_was() {
        let html = Owner::new_root(None)
            .with(|| view! { <Spark values=vec![0, 4, 16, 1, 0, 8, 12] over="last 7 days"/> }.to_html());
        insta::assert_snapshot!(html.replace("<!>", "").replace("><", ">\n<"));
    }

    #[test]
    fn nothing_is_said_in_words() {
        let html = Owner::new_root(None).with(|| view! { <Spark values=vec![0; 7] over="last 7 days"/> }.to_html());
        assert!(html.contains("none") && !html.contains("<svg"));
    }
}
