//! Tables.

use leptos::prelude::*;

/// The head of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    label: &'static str,
    class: &'static str,
    unseen: bool,
}

impl Column {
    /// Words, aligned left.
    #[must_use]
    pub const fn text(label: &'static str) -> Self {
        Self { label, class: "", unseen: false }
    }

    /// Numbers, aligned right; their cells have the class `num`.
    #[must_use]
    pub const fn number(label: &'static str) -> Self {
        Self { label, class: "num", unseen: false }
    }

    /// Buttons: a head that only assistive technology reads.
    #[must_use]
    pub const fn actions(label: &'static str) -> Self {
        Self { label, class: "", unseen: true }
    }

    /// Left out on narrow screens; its cells have the class `opt`.
    #[must_use]
    pub const fn optional(self) -> Self {
        let class = if self.class.is_empty() { "opt" } else { "num opt" };
        Self { class, ..self }
    }

    pub(super) fn head(self, role: Option<&'static str>) -> AnyView {
        let label = if self.unseen {
            view! { <span class="unseen">{self.label}</span> }.into_any()
        } else {
            self.label.into_any()
        };
        view! { <th scope="col" role=role class=(!self.class.is_empty()).then_some(self.class)>{label}</th> }.into_any()
    }
}

/// A table that scrolls inside its card, by keyboard too; its head stays in sight.
#[component]
#[must_use]
pub fn Table(
    /// Names it for assistive technology.
    #[prop(into)]
    label: String,
    /// Its head.
    columns: Vec<Column>,
    /// Narrow rows in monospace, as logs have them.
    #[prop(optional)]
    dense: bool,
    /// Long: scrolls in itself from 70% of the window's height.
    #[prop(optional)]
    tall: bool,
    /// On a phone a row folds: its first cell, the name, has a line of its own. For rows with buttons, whose cell has the
    /// class `actions`.
    #[prop(optional)]
    fold: bool,
    /// Rows: `<tr>`.
    children: Children,
) -> impl IntoView {
    let heads: Vec<AnyView> = columns.into_iter().map(|column| column.head(None)).collect();
    let class = match (dense, fold) {
        (false, false) => "table",
        (true, false) => "table dense",
        (_, true) => "table fold",
    };
    view! {
        <div class=if tall { "scroll tall" } else { "scroll" } role="region" tabindex="0" aria-label=label>
            <table class=class>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
