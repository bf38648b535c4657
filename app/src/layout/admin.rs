//! The operator's desk: the same frame, with an accent of its own and the word "Operator".

use contract::accounts::Me;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

use super::rail::{Link, Parts, frame};
use crate::paths;
use crate::ui::Icon;

/// A page of the desk, for the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminPlace {
    /// Live logs of all organizations.
    Logs,
}

/// A page of the operator's desk.
#[component]
#[must_use]
pub fn AdminLayout(
    /// The portal's name.
    #[prop(into)]
    name: String,
    /// Who is signed in.
    me: Me,
    /// Which page this is.
    place: AdminPlace,
    /// Its heading.
    #[prop(into)]
    title: String,
    /// The one primary action.
    #[prop(optional_no_strip)]
    actions: Option<ViewFnOnce>,
    /// The page.
    children: Children,
) -> impl IntoView {
    let links = vec![Link {
        icon: Icon::List,
        label: "Live logs",
        href: paths::ADMIN_LOGS,
        current: place == AdminPlace::Logs,
    }];
    let own = vec![
        Link { icon: Icon::Home, label: "Console", href: paths::CONSOLE, current: false },
        Link { icon: Icon::Book, label: "Docs", href: paths::DOCS, current: false },
    ];
    let more = Some(("Elsewhere", own));
    frame(Parts { name, me, operator: true, links, more, title, env: None, actions, children })
}
