//! Where an invitation leads. Opening it changes nothing: mail scanners open links too.

use contract::accounts::Me;
use contract::organizations::InviteOffer;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{AcceptInvite, DeclineInvite, read_invite};
use crate::error::AppError;
use crate::kept::error_of;
use crate::layout::{AuthLayout, use_frame};
use crate::paths;
use crate::ui::{Button, ButtonKind, Failure, FormErrors, LinkButton, Notice, Time, Tone};

#[derive(Clone, Copy)]
struct Answers {
    accept: ServerAction<AcceptInvite>,
    decline: ServerAction<DeclineInvite>,
}

/// What is offered, and two answers to it.
#[component]
#[must_use]
pub fn InvitePage() -> impl IntoView {
    let answers = Answers { accept: ServerAction::new(), decline: ServerAction::new() };
    let query = use_query_map().get_untracked();
    let content =
        if query.get("done").is_some() { declined() } else { asked(answers, query.get("token").unwrap_or_default()) };
    view! {
        <Title text="Invitation"/>
        <AuthLayout title="Invitation">{content}</AuthLayout>
    }
}

fn asked(answers: Answers, token: String) -> AnyView {
    let read = token.clone();
    let offer = Resource::new_blocking(|| (), move |()| read_invite(read.clone()));
    let frame = use_frame();
    view! {
        <Suspense>
            {move || {
                let token = token.clone();
                Suspend::new(async move {
                    let me = frame.await.ok().and_then(|frame| frame.me);
                    match offer.await {
                        Ok(offer) => offered(offer, me, answers, token),
                        Err(error) => refused(error, me.is_some()),
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}

fn offered(offer: InviteOffer, me: Option<Me>, answers: Answers, token: String) -> AnyView {
    let error = error_of(move || {
        let accepted = answers.accept.value().get().and_then(Result::err);
        accepted.or_else(|| answers.decline.value().get().and_then(Result::err)).map(Err::<(), _>)
    });
    let by = offer.invited_by.clone().map_or_else(
        || view! { <p>"You are invited to join " <b>{offer.organization.clone()}</b> "."</p> }.into_any(),
        |by| view! { <p><b>{by}</b> " invites you to join " <b>{offer.organization.clone()}</b> "."</p> }.into_any(),
    );
    let next = match me {
        Some(_) if offer.for_you => accept(answers, token.clone()),
        Some(me) => another_account(me, &offer.email),
        None => sign_in(&token, &offer.email),
    };
    view! {
        <FormErrors error labels=&[]/>
        {by}
        <p class="muted">{format!("As {}: {}.", offer.role.label(), offer.role.summary())} " The invitation works until " <Time at=offer.expires_at absolute=true/> "."</p>
        {next}
        <ActionForm action=answers.decline attr:class="grid">
            <input type="hidden" name="token" value=token/>
            <Button kind=ButtonKind::Quiet>"Decline, and erase my address"</Button>
        </ActionForm>
    }
    .into_any()
}

fn accept(answers: Answers, token: String) -> AnyView {
    view! {
        <ActionForm action=answers.accept attr:class="grid">
            <input type="hidden" name="token" value=token/>
            <Button kind=ButtonKind::Primary big=true pending=answers.accept.pending()>"Join the organization"</Button>
        </ActionForm>
    }
    .into_any()
}

fn another_account(me: Me, invited: &str) -> AnyView {
    let text = format!(
        "It is for {invited}. Sign out, sign in with the account that has this address, and open the link again. Or ask for an invitation to {}.",
        me.email
    );
    view! {
        <Notice tone=Tone::Warn title=format!("You are signed in as {}.", me.email)>{text}</Notice>
        <form method="post" action=paths::SIGN_OUT class="grid">
            <Button big=true>"Sign out"</Button>
        </form>
    }
    .into_any()
}

fn sign_in(token: &str, invited: &str) -> AnyView {
    let here = paths::invite(token);
    view! {
        <p>{format!("It is for {invited} alone: sign in with the account that has this address, or create one.")}</p>
        <LinkButton href=paths::leading_to(paths::SIGN_IN, &here) kind=ButtonKind::Primary big=true>"Sign in"</LinkButton>
        <LinkButton href=paths::leading_to(paths::SIGN_UP, &here) big=true>"Create an account"</LinkButton>
    }
    .into_any()
}

fn refused(error: AppError, signed_in: bool) -> AnyView {
    view! {
        <Failure error/>
        <p class="muted">"Whoever invited you can send a new invitation. Those that wait for you stand on the page of your organization, too."</p>
        {signed_in.then(|| view! { <LinkButton href=paths::ORGANIZATION big=true>"Go to your organization"</LinkButton> })}
    }
    .into_any()
}

fn declined() -> AnyView {
    view! {
        <Notice tone=Tone::Ok live=true title="The invitation is declined.">"Your address is erased from it. You can close this page."</Notice>
        <LinkButton href=paths::HOME big=true>"Go to the front page"</LinkButton>
    }
    .into_any()
}
