//! The rail beside a page: brand, organization, links, who is signed in.
//!
//! One element in both sizes. On a wide screen it stands beside the page; on a narrow one it is a popover, which the
//! browser opens, closes, and gives focus and Escape to, without a script.

use contract::accounts::Me;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::paths;
use crate::ui::format::counted;
use crate::ui::{Button, ButtonKind, Icon, IconView, Mark, ThemeSwitch, provide_clock};

/// The id of the rail and of the main part; one of each on a page.
const RAIL: &str = "rail";
pub(super) const MAIN: &str = "main";

/// A link of the rail.
pub(super) struct Link {
    pub icon: Icon,
    pub label: &'static str,
    pub href: &'static str,
    pub current: bool,
}

/// What a frame with a rail is made of.
pub(super) struct Parts {
    pub name: String,
    pub me: Me,
    pub operator: bool,
    pub links: Vec<Link>,
    pub more: Option<(&'static str, Vec<Link>)>,
    pub title: String,
    pub env: Option<ViewFnOnce>,
    pub actions: Option<ViewFnOnce>,
    pub children: Children,
}

/// Links to the start of the content, for those who do not want to pass the rail on every page.
pub(super) fn skip_link() -> AnyView {
    view! { <a class="skip" href="#main" rel="external">"Skip to the content"</a> }.into_any()
}

/// Draws the frame.
pub(super) fn frame(parts: Parts) -> AnyView {
    let Parts { name, me, operator, links, more, title, env, actions, children } = parts;
    provide_clock();
    let home = if operator { paths::ADMIN_LOGS } else { paths::CONSOLE };
    let brand = brand(home, name.clone());
    let organization = (!operator).then(|| organization(&me));
    let more = more.map(|(label, links)| {
        view! {
            <div class="group" aria-hidden="true">{label}</div>
            {draw(links)}
        }
    });
    view! {
        {skip_link()}
        <div class=if operator { "frame operator" } else { "frame" }>
            <header class="frame-top">
                {self::brand(home, name)}
                <button type="button" class="btn quiet only-icon" aria-label="Menu" popovertarget=RAIL>
                    <IconView icon=Icon::Menu/>
                </button>
            </header>
            <aside class="rail" id=RAIL popover="auto" on:click=close_after_choosing>
                {brand}
                <button type="button" class="btn quiet only-icon close" aria-label="Close the menu" popovertarget=RAIL popovertargetaction="hide">
                    <IconView icon=Icon::Close/>
                </button>
                {organization}
                <nav class="nav" aria-label=if operator { "Operator" } else { "Console" }>{draw(links)} {more}</nav>
                <div class="foot">
                    <div class="who">
                        "Signed in as" <div class="muted">{me.email}</div>
                    </div>
                    <div class="row">
                        <form method="post" action=paths::SIGN_OUT>
                            <Button kind=ButtonKind::Quiet icon=Icon::SignOut>"Sign out"</Button>
                        </form>
                        <ThemeSwitch/>
                    </div>
                </div>
            </aside>
            <main class="page" id=MAIN tabindex="-1">
                <div class="page-bar">
                    <h1>{title}</h1>
                    {operator.then(|| view! { <span class="operator-word">"Operator"</span> })}
                    {env.map(ViewFnOnce::run)} {actions.map(ViewFnOnce::run)}
                </div>
                <div class="content">{children()}</div>
            </main>
        </div>
    }
    .into_any()
}

/// The mark and the portal's name.
pub(super) fn brand(href: &'static str, name: String) -> AnyView {
    view! { <a class="brand" href=href><Mark/><span>{name}</span></a> }.into_any()
}

/// Where the person works, and where else they could. Its form is sent natively: the page it leads to is loaded anew, so
/// that nothing of the organization before stays.
fn organization(me: &Me) -> AnyView {
    let letter: String = me.organization.name.chars().next().into_iter().collect();
    let others: Vec<AnyView> = me
        .organizations
        .iter()
        .filter(|other| other.id != me.organization.id)
        .map(|other| {
            view! {
                <button type="submit" name="id" value=other.id.to_string()>
                    <span class="name"><span class="unseen">"Switch to "</span>{other.name.clone()}</span>
                    <span class="small muted">{other.role.label()}</span>
                </button>
            }
            .into_any()
        })
        .collect();
    let invites = (me.invites > 0).then(|| {
        let count = counted(me.invites as i64, "invitation", "invitations");
        view! { <a class="link" href=format!("{}#invitations", paths::ORGANIZATION)>{count}</a> }
    });
    view! {
        <details class="switcher">
            <summary class="organization">
                <span class="avatar" aria-hidden="true">{letter}</span>
                <span class="name"><span class="unseen">"Organization: "</span>{me.organization.name.clone()}</span>
                {(me.invites > 0).then(|| view! { <span class="dot"><span class="unseen">", invitations wait"</span></span> })}
                <IconView icon=Icon::ChevronDown/>
            </summary>
            <div class="menu">
                <form method="post" action=paths::SWITCH_ORGANIZATION>{others}</form>
                {invites}
                <a class="link" href=paths::NEW_ORGANIZATION>"New organization"</a>
            </div>
        </details>
    }
    .into_any()
}

fn draw(links: Vec<Link>) -> Vec<AnyView> {
    links
        .into_iter()
        .map(|link| {
            view! {
                <a href=link.href aria-current=link.current.then_some("page")>
                    <IconView icon=link.icon/>
                    {link.label}
                </a>
            }
            .into_any()
        })
        .collect()
}

/// A link in the open sheet leads to another page without loading it anew: the sheet has to be told.
fn close_after_choosing(event: leptos::ev::MouseEvent) {
    let on_link = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .and_then(|element| element.closest("a").ok().flatten())
        .is_some();
    if on_link && let Some(rail) = document().get_element_by_id(RAIL) {
        // Fails where the rail is not open, which is every wide screen.
        let _ = js_sys::Reflect::get(&rail, &"hidePopover".into())
            .ok()
            .and_then(|hide| hide.dyn_into::<js_sys::Function>().ok())
            .map(|hide| hide.call0(&rail));
    }
}
