//! A person's access tokens: the list, the form, and a new one, shown once.
//!
//! The form is sent as a page of its own, with a script and without: the answer that holds the token is the answer to
//! that one request and stands in no history, cache or store.

use contract::access_tokens::{AccessToken, CreatedToken, NAME_MAX, Scope, TokenState, TypedToken};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::server_fns::{RevokeToken, TokensView, read_tokens};
use crate::console::Console;
use crate::error::AppError;
use crate::kept::problem_of;
use crate::layout::ConsolePlace;
use crate::paths;
use crate::ui::{
    Button, ButtonKind, Card, CodeBlock, Column, EmptyState, Failure, FormErrors, Icon, IconView, LinkButton, Note,
    Notice, SecretText, Select, Table, Tag, TextField, Time, Tone,
};

const LABELS: &[(&str, &str)] = &[("name", "Name"), ("scopes", "What it may do"), ("days", "Works for")];

/// For how long a token can work: what is sent, and what is shown.
const DAYS: [(&str, &str); 5] =
    [("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("180", "180 days"), ("366", "a year")];

/// `/console/tokens`
#[component]
#[must_use]
pub fn TokensPage() -> impl IntoView {
    let revoke = ServerAction::<RevokeToken>::new();
    let tokens = Resource::new_blocking(|| (), |()| read_tokens());
    let query = use_query_map().get_untracked();
    let done = StoredValue::new(query.get("done"));
    // What was typed before its person had to confirm who they are.
    let before = StoredValue::new(TypedToken {
        name: query.get("name").unwrap_or_default(),
        scopes: query.get("scopes").unwrap_or_default(),
        days: query.get("days").unwrap_or_default(),
    });
    view! {
        <Title text="Access tokens"/>
        <Console place=ConsolePlace::Tokens title="Access tokens">
            <Suspense>
                {move || Suspend::new(async move {
                    match tokens.await {
                        Ok(view) => content(view, revoke, done.get_value(), before.get_value()),
                        Err(error) => view! { <Failure error/> }.into_any(),
                    }
                })}
            </Suspense>
        </Console>
    }
}

fn content(view: TokensView, revoke: ServerAction<RevokeToken>, done: Option<String>, before: TypedToken) -> AnyView {
    let TokensView { page, typed, made, refused } = view;
    let failed = revoke.value().get_untracked().and_then(Result::err);
    let revoked = done.as_deref() == Some("revoked") && failed.is_none() && made.is_none();
    let typed = typed.unwrap_or(before);
    view! {
        <div class="settings">
            {revoked.then(|| view! { <Notice tone=Tone::Ok live=true title="The token is revoked.">"It opens nothing from now on."</Notice> })}
            {failed.map(|error| view! { <Failure error/> })}
            {made.map(shown)}
            {list(page.tokens, revoke)}
            {if page.confirmed { form(&page.scopes, &typed, refused) } else { confirm(&typed) }}
        </div>
    }
    .into_any()
}

fn shown(made: CreatedToken) -> AnyView {
    let CreatedToken { token, secret } = made;
    let label = format!("Access token {}", token.name);
    view! {
        <Card title="Your new token">
            <div class="grid gap-4">
                <Notice tone=Tone::Warn title="This is the only time you see it.">"Store it now. We keep a hash of it and cannot show it again."</Notice>
                <div data-testid="secret"><SecretText text=secret.reveal().to_owned() label=label/></div>
                <p>"Put it into the variable " <code>"TOKEN"</code> " and ask whom it acts for:"</p>
                <CodeBlock code="curl $PORTAL/api/v1/me \\\n  -H \"Authorization: Bearer $TOKEN\"" label="First call with curl"/>
                <Note>"It acts in your name. Never put it into a URL, a repository or a page. If it leaks, revoke it here."</Note>
            </div>
        </Card>
    }
    .into_any()
}

fn list(tokens: Vec<AccessToken>, revoke: ServerAction<RevokeToken>) -> AnyView {
    if tokens.is_empty() {
        return view! {
            <Card>
                <EmptyState
                    icon=Icon::Lock
                    title="No access tokens yet"
                    text="A token lets a program of yours use the REST API: create and rotate keys, read logs and usage."
                >
                    <LinkButton href=paths::REST_DOCS>"Read the docs of the REST API"</LinkButton>
                </EmptyState>
            </Card>
        }
        .into_any();
    }
    let columns = vec![
        Column::text("Name"),
        Column::text("Token"),
        Column::text("May").optional(),
        Column::text("Last used").optional(),
        Column::text("Ends").optional(),
        Column::text("State"),
        Column::actions("Actions"),
    ];
    let rows: Vec<AnyView> = tokens.into_iter().map(|token| row(token, revoke)).collect();
    view! {
        <Card flush=true>
            <Table label="Access tokens" columns=columns fold=true>
                {rows}
            </Table>
        </Card>
        <p class="small muted">
            "What a token can call stands in the " <a class="link" href=paths::REST_DOCS>"docs of the REST API"</a> "."
        </p>
    }
    .into_any()
}

fn row(token: AccessToken, revoke: ServerAction<RevokeToken>) -> AnyView {
    let AccessToken { id, name, hint, scopes, state, expires_at, last_used_at, .. } = token;
    let used = last_used_at.map(|at| view! { <Time at=at/> }.into_any()).unwrap_or_else(|| "never".into_any());
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    let (tone, word) = match state {
        TokenState::Active => (Tone::Ok, "Active"),
        TokenState::Expired => (Tone::Warn, "Expired"),
        TokenState::Revoked => (Tone::Bad, "Revoked"),
    };
    let label = format!("Revoke {name}");
    let end = (state == TokenState::Active).then(|| {
        view! {
            <ActionForm action=revoke>
                <input type="hidden" name="id" value=id.to_string()/>
                <button type="submit" class="btn danger" aria-label=label><span class="btn-label">"Revoke"</span></button>
            </ActionForm>
        }
    });
    view! {
        <tr>
            <td class="font-medium">{name}</td>
            <td class="mono">{hint}</td>
            <td class="opt muted">{scopes.join(", ")}</td>
            <td class="opt muted">{used}</td>
            <td class="opt muted"><Time at=expires_at absolute=true/></td>
            <td><Tag tone=tone>{word}</Tag></td>
            <td>{end}</td>
        </tr>
    }
    .into_any()
}

/// Who wants a token says first that it is them.
fn confirm(typed: &TypedToken) -> AnyView {
    let back = format!(
        "{}?name={}&scopes={}&days={}",
        paths::TOKENS,
        plain(&typed.name),
        plain(&typed.scopes),
        plain(&typed.days)
    );
    view! {
        <Card title="Create a token">
            <div class="grid gap-4">
                <p class="muted">"A token acts in your name, so we ask first that it is you."</p>
                <div><LinkButton href=paths::leading_to(paths::STEP_UP, &back) kind=ButtonKind::Primary>"Confirm and create a token"</LinkButton></div>
            </div>
        </Card>
    }
    .into_any()
}

/// What needs no encoding in an address; the rest is left out, and typed again.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "-._:".contains(*c)).collect()
}

fn form(scopes: &[Scope], typed: &TypedToken, refused: Option<AppError>) -> AnyView {
    let error = Signal::stored(refused);
    let chosen: Vec<&str> = typed.scopes.split_whitespace().collect();
    let boxes: Vec<AnyView> = scopes
        .iter()
        .map(|scope| {
            let id = format!("scope-{}", scope.word().replace(':', "-"));
            view! {
                <div class="field check">
                    <input id=id.clone() type="checkbox" name="scopes" value=scope.word() checked=chosen.contains(&scope.word())/>
                    <label for=id><code>{scope.word()}</code> " " <span class="muted">{scope.label()}</span></label>
                </div>
            }
            .into_any()
        })
        .collect();
    let wrong = problem_of(error, "scopes").get_untracked().map(|problem| {
        view! {
            <div class="problem" id="field-scopes-problem">
                <IconView icon=Icon::Warning/>
                <span>{problem.to_string()}</span>
            </div>
        }
    });
    let days = DAYS.iter().map(|(value, shown)| ((*value).to_owned(), (*shown).to_owned())).collect();
    let name = typed.name.clone();
    let selected = if typed.days.is_empty() { "90".to_owned() } else { typed.days.clone() };
    view! {
        <Card title="Create a token">
            <form method="post" action=paths::TOKENS novalidate class="grid gap-4">
                <FormErrors error labels=LABELS/>
                <TextField
                    name="name"
                    label="Name"
                    value=name
                    help="What will use it, such as Deployment."
                    problem=problem_of(error, "name")
                    max_length=NAME_MAX
                    autocomplete="off"
                />
                <fieldset class="grid gap-2" id="field-scopes">
                    <legend class="mb-1">"What it may do"</legend>
                    {boxes}
                    {wrong}
                    <p class="small muted">"Of this, what your role allows at that moment. Choose little: another token is made quickly."</p>
                </fieldset>
                <Select name="days" label="Works for" options=days selected=selected problem=problem_of(error, "days")/>
                <div>
                    <Button kind=ButtonKind::Primary>"Create the token"</Button>
                </div>
                <p class="small muted">"It works for this organization. We send you a mail that says that it was made. Resetting your password by mail, and a recovery, revoke all tokens."</p>
            </form>
        </Card>
    }
    .into_any()
}
