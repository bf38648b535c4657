//! The console: what a developer works in.

use contract::Permission;
use contract::accounts::{AccountState, Me};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

use super::rail::{Link, Parts, frame};
use crate::paths;
use crate::ui::{Button, Icon, Notice, Time, Tone};

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
    /// APIs and plans.
    Apis,
    /// The organization and its members.
    Organization,
    /// Access tokens of the REST API.
    Tokens,
    /// Account security.
    Security,
    /// Events of the organization.
    Audit,
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
    let mut links = vec![
        link(Icon::Home, "Overview", paths::CONSOLE, ConsolePlace::Overview),
        link(Icon::Key, "Keys", paths::KEYS, ConsolePlace::Keys),
        link(Icon::List, "Logs", paths::LOGS, ConsolePlace::Logs),
        link(Icon::Chart, "Usage", paths::USAGE, ConsolePlace::Usage),
        link(Icon::External, "APIs", paths::OWN_APIS, ConsolePlace::Apis),
        Link { icon: Icon::Book, label: "Docs", href: paths::DOCS, current: false },
        link(Icon::Users, "Organization", paths::ORGANIZATION, ConsolePlace::Organization),
    ];
    let audit = me.organization.role.allows(Permission::ReadAuditLog);
    links.extend(audit.then(|| link(Icon::Check, "Audit", paths::AUDIT, ConsolePlace::Audit)));
    links.extend([
        link(Icon::Settings, "Access tokens", paths::TOKENS, ConsolePlace::Tokens),
        Link { icon: Icon::Shield, label: "Privacy", href: paths::PRIVACY, current: false },
        link(Icon::Lock, "Security", paths::SECURITY, ConsolePlace::Security),
    ]);
    let more = me.staff.map(|_| {
        let live = Link { icon: Icon::List, label: "Live logs", href: paths::ADMIN_LOGS, current: false };
        ("Operator", vec![live])
    });
    let standing = standing(&me);
    let children: Children = Box::new(move || view! { {standing} {children()} }.into_any());
    frame(Parts { name, me, operator: false, links, more, title, env, actions, children })
}

const fn standing_in_words(state: AccountState) -> &'static str {
    match state {
        AccountState::Pending => "Your address is not verified.",
        AccountState::Active => "Your account is active.",
        AccountState::Restricted => "Your account is restricted.",
        AccountState::Suspended => "Your account is suspended.",
        AccountState::Deleting => "Your account is being erased.",
        AccountState::Deleted => "Your account is erased.",
    }
}

/// What somebody must know about their account on whatever page they are: what it may not do, and who else may soon.
fn standing(me: &Me) -> AnyView {
    let restricted = (!me.state.may_change()).then(|| {
        let state = me.state;
        let reason = me.state_reason.clone().map(|reason| format!("The reason: {reason}"));
        view! { <Notice tone=Tone::Warn title=standing_in_words(state)>{state.sentence()} " " {reason}</Notice> }
    });
    let recovery = me.recovery_ready_at.map(|at| {
        view! {
            <Notice tone=Tone::Bad title="Somebody asked by mail to recover this account.">
                <p>"From " <Time at=at absolute=true/> " on they can set a new password. All passkeys are removed then. Cancel it if that was not you, or if you found a way in."</p>
                <form method="post" action=paths::CANCEL_MY_RECOVERY class="mt-2">
                    <Button>"Cancel the recovery"</Button>
                </form>
            </Notice>
        }
    });
    view! { {restricted} {recovery} }.into_any()
}
