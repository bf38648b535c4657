//! The self-check: what a string is, and reporting it as leaked. The string is posted, looked up and forgotten; the
//! answer does not hold it.

use contract::leaks::{CheckWish, Checked, LeakAction, SelfCheck};
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::{Answered, read_check};
use crate::error::AppError;
use crate::kept::{error_of, problem_of};
use crate::layout::SitePage;
use crate::paths;
use crate::ui::{Button, ButtonKind, Card, FormErrors, Note, Notice, PasswordField, Script, Tone};

/// Where the form's script gets what it works on.
const CHALLENGE: &str = "/rpc/guard/challenge?purpose=leak_check";

/// `/leak-check`
#[component]
#[must_use]
pub fn LeakCheckPage() -> impl IntoView {
    let answer = Resource::new_blocking(|| (), |()| read_check());
    view! {
        <Title text="Check a leaked key"/>
        <SitePage>
            <div class="doc">
                <div class="grid gap-3">
                    <p class="small muted"><a class="link" href=paths::LEAKS_DOCS>"Leaked keys"</a></p>
                    <h1>"Is this a key of ours?"</h1>
                    <p class="lead">
                        "You found a string that may be a key, or yours was seen by somebody. Paste it here: we say what it is, and you can report it as leaked."
                    </p>
                </div>
                <Suspense>
                    {move || Suspend::new(async move { content(answer.await) })}
                </Suspense>
            </div>
            <Script name="proof"/>
        </SitePage>
    }
    .into_any()
}

fn content(answer: Result<Option<Answered>, AppError>) -> AnyView {
    let (check, refused) = match answer {
        Ok(Some(Answered::Checked(check))) => (Some(check), None),
        Ok(Some(Answered::Refused(error))) | Err(error) => (None, Some(error)),
        Ok(None) => (None, None),
    };
    let error = error_of(move || refused.clone().map(Err::<(), _>));
    view! {
        {check.map(|check| result(&check))}
        <Card title="The string">
            <form method="post" action=paths::LEAK_CHECK class="grid gap-4" novalidate autocomplete="off" data-proof=CHALLENGE>
                <FormErrors error labels=&[("secret", "String")]/>
                <input type="hidden" name="proof" value=""/>
                <PasswordField
                    name="secret"
                    label="String"
                    help="The whole of it. It is not stored, not logged, and not sent back."
                    problem=problem_of(error, "secret")
                    autocomplete="off"
                />
                <div class="flex flex-wrap gap-2">
                    <Button kind=ButtonKind::Primary name="wish" value=CheckWish::Look.word()>"Check it"</Button>
                    <Button kind=ButtonKind::Danger name="wish" value=CheckWish::Report.word()>"Report it as leaked"</Button>
                </div>
            </form>
        </Card>
        <Note>
            "Having the whole secret is enough to report it: it is all that anybody needs to misuse it. The owners are told at once; what else happens is what the APIs of the key ask for. "
            <a class="link" href=paths::LEAKS_DOCS>"What happens then"</a>
        </Note>
    }
    .into_any()
}

fn result(check: &SelfCheck) -> AnyView {
    let (tone, title, text) = match (&check.checked, check.action) {
        (Checked::OtherForm, _) => (
            Tone::Info,
            "This is no key of ours.".to_owned(),
            "It does not have the form of one. It may belong to somebody else.",
        ),
        (Checked::WrongChecksum, _) => (
            Tone::Info,
            "This is no key.".to_owned(),
            "It looks like one of ours, but its last characters do not fit the others: it is mistyped, cut off or made up.",
        ),
        (Checked::Unknown, _) => (
            Tone::Info,
            "This key does not exist.".to_owned(),
            "It has the form of a key of ours, and no key has it. It opens nothing.",
        ),
        (Checked::Token { .. }, Some(action)) => (
            Tone::Ok,
            "The access token is reported as leaked.".to_owned(),
            if action == LeakAction::Nothing {
                "It did not work any more, so there was nothing else to do."
            } else {
                "It was revoked: it opens nothing from this moment on. Its person was told."
            },
        ),
        (Checked::Token { works: true }, None) => (
            Tone::Warn,
            "This is an access token, and it works.".to_owned(),
            "Whoever has it can act for its person. Is it yours, or did you find it somewhere? Paste it again and report it: it is revoked at once.",
        ),
        (Checked::Token { works: false }, None) => (
            Tone::Ok,
            "This was an access token, and it works no more.".to_owned(),
            "It was revoked, or its time is over. Nobody can use it.",
        ),
        (Checked::Known { .. }, Some(action)) => (
            if action == LeakAction::Nothing { Tone::Info } else { Tone::Ok },
            "The key is reported as leaked.".to_owned(),
            match action {
                LeakAction::Nothing => "It did not work any more, so there was nothing else to do.",
                LeakAction::Told => "Its owners were told. It still works until they replace it.",
                LeakAction::Rotating => "Its owners were told and sent a new secret. This one ends at a fixed time.",
                LeakAction::Retired => "It is an old secret that was being replaced, and ends. Its owners were told.",
                LeakAction::Revoked => "It was revoked: it is refused from this moment on. Its owners were told.",
            },
        ),
        (Checked::Known { environment, works: true }, None) => (
            Tone::Warn,
            format!("This is a {} key, and it works.", environment.label().to_lowercase()),
            "Whoever has it can use it. Is it yours, or did you find it somewhere? Paste it again and report it as leaked.",
        ),
        (Checked::Known { environment, works: false }, None) => (
            Tone::Ok,
            format!("This was a {} key, and it works no more.", environment.label().to_lowercase()),
            "It was revoked, replaced, or its time is over. Nobody can use it.",
        ),
    };
    view! { <Notice tone=tone live=true title=title>{text}</Notice> }.into_any()
}
