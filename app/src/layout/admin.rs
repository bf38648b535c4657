//! The operator's desk: the same frame, with an accent of its own and the word "Operator".

use contract::StaffPermission;
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
    /// Accounts.
    Accounts,
    /// APIs, plans and subscriptions.
    Apis,
    /// Keys of all organizations.
    Keys,
    /// Reports of leaked keys.
    Leaks,
    /// The audit log.
    Audit,
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
    let link = |icon, label, href, current: AdminPlace| Link { icon, label, href, current: current == place };
    let mut links = vec![
        link(Icon::List, "Live logs", paths::ADMIN_LOGS, AdminPlace::Logs),
        link(Icon::User, "Accounts", paths::ADMIN_ACCOUNTS, AdminPlace::Accounts),
        link(Icon::Key, "Keys", paths::ADMIN_KEYS, AdminPlace::Keys),
        link(Icon::Warning, "Leaked keys", paths::ADMIN_LEAKS, AdminPlace::Leaks),
        link(Icon::External, "APIs", paths::ADMIN_APIS, AdminPlace::Apis),
    ];
    if me.staff.is_some_and(|role| role.allows(StaffPermission::ReadAuditLog)) {
        links.push(link(Icon::Check, "Audit", paths::ADMIN_AUDIT, AdminPlace::Audit));
    }
    let own = vec![
        Link { icon: Icon::Home, label: "Console", href: paths::CONSOLE, current: false },
        Link { icon: Icon::Book, label: "Docs", href: paths::DOCS, current: false },
    ];
    let more = Some(("Elsewhere", own));
    frame(Parts { name, me, operator: true, links, more, title, env: None, actions, children })
}
