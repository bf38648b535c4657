//! The console: what a developer works in.

use contract::accounts::Me;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

use super::rail::{Link, Parts, frame};
use crate::paths;
use crate::ui::Icon;

/// A page of the console, for the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsolePlace {
    /// The overview.
    Overview,
    /// Keys.
    Keys,
    /// Request logs.
    Logs,
    /// Usage.
    Usage,
}

/// A page of the console.
#[component]
#[must_use]
pub fn ConsoleLayout(
    /// The portal's name.
    #[prop(into)]
    name: String,
    /// Who is signed in.
    me: Me,
    /// Which page this is.
    place: ConsolePlace,
    /// Its heading.
    #[prop(into)]
    title: String,
    /// The environment switch, on pages that have environments.
    #[prop(optional_no_strip)]
    env: Option<ViewFnOnce>,
    /// The one primary action.
    #[prop(optional_no_strip)]
    actions: Option<ViewFnOnce>,
    /// The page.
    children: Children,
) -> impl IntoView {
    let link = |icon, label, href, current: ConsolePlace| Link { icon, label, href, current: current == place };
    let links = vec![
        link(Icon::Home, "Overview", paths::CONSOLE, ConsolePlace::Overview),
        link(Icon::Key, "Keys", paths::KEYS, ConsolePlace::Keys),
        link(Icon::List, "Logs", paths::LOGS, ConsolePlace::Logs),
        link(Icon::Chart, "Usage", paths::USAGE, ConsolePlace::Usage),
        Link { icon: Icon::Book, label: "Docs", href: paths::DOCS, current: false },
        Link { icon: Icon::Shield, label: "Privacy", href: paths::PRIVACY, current: false },
    ];
    let more = me.staff.map(|_| {
        let live = Link { icon: Icon::List, label: "Live logs", href: paths::ADMIN_LOGS, current: false };
        ("Operator", vec![live])
    });
    frame(Parts { name, me, operator: false, links, more, title, env, actions, children })
}
