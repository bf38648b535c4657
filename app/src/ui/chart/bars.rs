//! Requests over time: accepted below, refused above.

use contract::Millis;
use contract::usage::UsagePoint;
use leptos::prelude::*;

use super::Scale;
use crate::ui::format::{compact, counted, date_and_time, day_and_month, grouped, hour_and_minute, thousandths};
use crate::ui::{Column, Table};

/// Height of the bars' field, in pixels.
const HEIGHT: i64 = 160;
/// Above it, so that the topmost label is not cut.
const ABOVE: i64 = 10;
/// Below it: the labels of the time axis.
const BELOW: i64 = 24;
/// Width of the labels of the counts: five characters of 11-pixel monospace and a gap.
const LEFT: i64 = 44;
/// The least height of a bar that is not nothing: one refusal among a million requests is still seen.
const LEAST: i64 = 2_000;
const DAY_MS: Millis = 86_400_000;

/// Bars over time with a table of the same numbers below. Hovering a bar tells its numbers.
#[component]
#[must_use]
pub fn Bars(
    /// The bars, oldest first, without gaps.
    points: Vec<UsagePoint>,
    /// Width of one bar in time.
    bar_ms: Millis,
    /// What is drawn: "Requests per 30 minutes, last 24 hours".
    #[prop(into)]
    label: String,
    /// Lower, as above a list: half the height and no table.
    #[prop(optional)]
    low: bool,
) -> impl IntoView {
    let height = if low { HEIGHT / 2 } else { HEIGHT };
    let scale = Scale::holding(points.iter().map(|point| point.accepted + point.refused).max().unwrap_or(0));
    let accepted: i64 = points.iter().map(|point| point.accepted).sum();
    let refused: i64 = points.iter().map(|point| point.refused).sum();
    let summary = format!("{label}: {} accepted, {} refused. Times are UTC.", grouped(accepted), grouped(refused));
    let total = (ABOVE + height + BELOW).to_string();
    let table = (!low).then(|| table(&points, label.clone()));
    view! {
        <div class="grid gap-3">
            <div class="chart">
                <svg width=LEFT.to_string() height=total.clone() aria-hidden="true">{counts(scale, height)}</svg>
                <svg class="plot" width="100%" height=total role="img" aria-label=summary>
                    {rules(scale, height)} {bars(&points, scale, height)} {times(&points, bar_ms, height)}
                </svg>
            </div>
            {table}
        </div>
    }
    .into_any()
}

/// From the top of the field to a value's line, in thousandths of a pixel.
const fn down(scale: Scale, value: i64, height: i64) -> i64 {
    (ABOVE + height) * 1_000 - scale.height(value, height * 1_000)
}

fn counts(scale: Scale, height: i64) -> Vec<AnyView> {
    scale
        .lines()
        .into_iter()
        .map(|line| {
            let y = thousandths(down(scale, line, height) + 4_000);
            view! { <text x=(LEFT - 10).to_string() y=y text-anchor="end">{compact(line)}</text> }.into_any()
        })
        .collect()
}

fn rules(scale: Scale, height: i64) -> Vec<AnyView> {
    scale
        .lines()
        .into_iter()
        .map(|line| {
            let y = thousandths(down(scale, line, height));
            view! { <line class="rule" x1="0" x2="100%" y1=y.clone() y2=y></line> }.into_any()
        })
        .collect()
}

/// Thousandths of a percent from the left at which a bar begins.
fn across(place: usize, of: usize) -> i64 {
    place as i64 * 100_000 / of.max(1) as i64
}

fn bars(points: &[UsagePoint], scale: Scale, height: i64) -> Vec<AnyView> {
    points
        .iter()
        .enumerate()
        .map(|(place, point)| {
            let (start, end) = (across(place, points.len()), across(place + 1, points.len()));
            let x = format!("{}%", thousandths(start));
            // A sixth of the width stays free.
            let width = format!("{}%", thousandths((end - start) * 5 / 6));
            let full = format!("{}%", thousandths(end - start));
            let least = |value: i64| if value > 0 { scale.height(value, height * 1_000).max(LEAST) } else { 0 };
            let (accepted, refused) = (least(point.accepted), least(point.refused));
            let bottom = (ABOVE + height) * 1_000;
            let title = format!(
                "{}: {} accepted, {} refused",
                date_and_time(point.at),
                grouped(point.accepted),
                grouped(point.refused)
            );
            let rect = |class: &'static str, top: i64, tall: i64| {
                (tall > 0).then(|| {
                    view! { <rect class=class x=x.clone() width=width.clone() y=thousandths(top) height=thousandths(tall)></rect> }
                        .into_any()
                })
            };
            view! {
                <g>
                    <title>{title}</title>
                    <rect class="catch" x=x.clone() width=full y=ABOVE.to_string() height=height.to_string()></rect>
                    {rect("accepted", bottom - accepted, accepted)}
                    {rect("refused", bottom - accepted - refused, refused)}
                </g>
            }
            .into_any()
        })
        .collect()
}

/// Four labels, at the start of each quarter; on a narrow screen every other one.
fn times(points: &[UsagePoint], bar_ms: Millis, height: i64) -> Vec<AnyView> {
    let y = (ABOVE + height + 18).to_string();
    let long = bar_ms >= DAY_MS / 24; // three hours and more a bar: days matter, not minutes
    let mut day = None;
    let quarters = points.len().min(4);
    (0..quarters)
        .filter_map(|quarter| {
            let place = quarter * points.len() / quarters;
            points.get(place).map(|point| (quarter, place, point.at))
        })
        .map(|(quarter, place, at)| {
            let new_day = day.replace(at.div_euclid(DAY_MS)) != Some(at.div_euclid(DAY_MS));
            let text = match (long, new_day) {
                (true, _) => day_and_month(at),
                (false, true) => format!("{} {}", day_and_month(at), hour_and_minute(at)),
                (false, false) => hour_and_minute(at),
            };
            let x = format!("{}%", thousandths(across(place, points.len())));
            view! { <text x=x y=y.clone() class=(quarter % 2 == 1).then_some("opt")>{text}</text> }.into_any()
        })
        .collect()
}

fn table(points: &[UsagePoint], label: String) -> AnyView {
    let rows: Vec<AnyView> = points
        .iter()
        .rev()
        .map(|point| {
            view! {
                <tr>
                    <td>{date_and_time(point.at)}</td>
                    <td class="num">{grouped(point.accepted)}</td>
                    <td class="num">{grouped(point.refused)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let columns = vec![Column::text("Start"), Column::number("Accepted"), Column::number("Refused")];
    let count = counted(points.len() as i64, "row", "rows");
    view! {
        <details class="chart-table">
            <summary>"Show as a table, "{count}</summary>
            <div class="card mt-2">
                <Table label columns tall=true>
                    {rows}
                </Table>
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(points: Vec<UsagePoint>) -> String {
        Owner::new_root(None)
            .with(|| view! { <Bars points bar_ms=1_800_000 label="Requests per 30 minutes"/> }.to_html())
            .replace("<!>", "")
            .replace("><", ">\n<")
    }

    #[test]
    fn bars_are_drawn_as_they_were() {
        let points = (0..4)
            .map(|place| UsagePoint {
                at: 1_795_269_600_000 + place * 1_800_000,
                accepted: [0, 12, 1_204, 37][place as usize],
                refused: [0, 1, 0, 310][place as usize],
            })
            .collect();
        insta::assert_snapshot!(drawn(points));
    }

    #[test]
    fn a_chart_of_nothing_has_its_axes_and_no_bar() {
        let html = drawn(vec![UsagePoint::default(); 48]);
        assert!(html.contains("class=\"rule\"") && !html.contains("class=\"accepted\""));
        assert!(drawn(Vec::new()).contains("0 accepted, 0 refused"));
    }

    #[test]
    fn one_refusal_among_a_million_requests_is_seen() {
        let html = drawn(vec![UsagePoint { at: 0, accepted: 1_000_000, refused: 1 }]);
        let refused = html.lines().find(|line| line.contains("class=\"refused\"")).unwrap_or_default();
        assert!(refused.contains("height=\"2\""), "{refused}");
    }
}
