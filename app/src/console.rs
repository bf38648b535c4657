//! A page of the console, around what it is given.

use contract::Environment;
use contract::accounts::Me;
use leptos::children::ViewFnOnce;
use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use crate::error::AppError;
use crate::layout::{AdminLayout, AdminPlace, ConsoleLayout, ConsolePlace, use_frame};
use crate::paths;
use crate::ui::{ButtonKind, Failure, LinkButton, provide_clock_at};

/// Which environment the address asks for.
#[must_use]
pub fn environment_of(query: &ParamsMap) -> Environment {
    query.get("environment").as_deref().and_then(Environment::from_word).unwrap_or_default()
}

/// A page of the console. Whoever is not signed in is led to sign in.
#[component]
#[must_use]
pub fn Console(
    /// Which page this is.
    place: ConsolePlace,
    /// Its heading.
    title: &'static str,
    /// The environment switch.
    #[prop(optional, into)]
    env: Option<ViewFn>,
    /// The one primary action, if the person may.
    #[prop(optional)]
    actions: Option<fn(&Me) -> Option<AnyView>>,
    /// The page.
    children: ChildrenFn,
) -> impl IntoView {
    let frame = use_frame();
    let children = StoredValue::new(children);
    let env = StoredValue::new(env);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match frame.await {
                    Ok(frame) => match frame.me {
                        Some(me) => {
                            provide_clock_at(frame.now);
                            let action = actions.and_then(|actions| actions(&me));
                            let env = env.get_value().map(|env| ViewFnOnce::from(move || env.run()));
                            view! {
                                <ConsoleLayout name=frame.name me place title env=env actions=action.map(|action| ViewFnOnce::from(move || action))>
                                    {children.with_value(|children| children())}
                                </ConsoleLayout>
                            }
                            .into_any()
                        }
                        None => sign_in_first(),
                    },
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// A page of the operator's desk. To everyone but staff it does not exist.
#[component]
#[must_use]
pub fn Admin(
    /// Which page this is.
    place: AdminPlace,
    /// Its heading.
    title: &'static str,
    /// The page.
    children: ChildrenFn,
) -> impl IntoView {
    let frame = use_frame();
    let children = StoredValue::new(children);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match frame.await {
                    Ok(frame) => match frame.me.filter(|me| me.staff.is_some()) {
                        Some(me) => {
                            provide_clock_at(frame.now);
                            view! {
                                <AdminLayout name=frame.name me place title>
                                    {children.with_value(|children| children())}
                                </AdminLayout>
                            }
                            .into_any()
                        }
                        None => sign_in_first(),
                    },
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// Seen when a session ends while the page is open: whoever comes without one is led to sign in by the server.
fn sign_in_first() -> AnyView {
    view! {
        <main class="auth" id="main">
            <div class="card">
                <h1>"Your session has ended"</h1>
                <Failure error=AppError::Refused(contract::Refusal::NotSignedIn)/>
                <LinkButton href=paths::SIGN_IN kind=ButtonKind::Primary big=true>"Sign in"</LinkButton>
            </div>
        </main>
    }
    .into_any()
}
