//! Whether an API lets developers see the secret of a key again, for staff.

use contract::apis::{DeskApi, Recovery};
use leptos::prelude::*;

use super::server_fns::ChangeRecovery;
use crate::kept::{error_of, problem_of};
use crate::ui::{Button, Card, FormErrors, Select};

const LABELS: &[(&str, &str)] = &[("recovery", "Secrets of keys")];

/// The card; a form for those who may change it.
pub(super) fn recovery(api: &DeskApi, change: Option<ServerAction<ChangeRecovery>>) -> AnyView {
    let stands = match (api.recovery, api.secrets_kept) {
        (_, true) => "Every open API allows it: secrets that are made now are kept.",
        (Recovery::On, false) => "Another open API does not allow it, so no secret is kept.",
        (Recovery::Off, false) => "This API does not allow it, so no secret is kept.",
    };
    let content = match change {
        Some(action) => form(api, action),
        None => view! { <p>{api.recovery.label()}</p> }.into_any(),
    };
    view! {
        <Card title="Secrets of keys">
            <div class="grid gap-4">
                <p class="muted">
                    "A key may call every API. So its secret is kept, sealed, only while all of them allow it; as soon as one does not, a new one included, the secrets that were kept are erased."
                </p>
                <p>{stands}</p>
                {content}
            </div>
        </Card>
    }
    .into_any()
}

fn form(api: &DeskApi, action: ServerAction<ChangeRecovery>) -> AnyView {
    let error = error_of(move || action.value().get());
    let (slug, selected) = (api.slug.clone(), api.recovery.word().to_owned());
    let choices = Recovery::ALL.map(|one| (one.word().to_owned(), one.label().to_owned())).to_vec();
    view! {
        <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
            <FormErrors error labels=LABELS/>
            <input type="hidden" name="slug" value=slug/>
            <Select
                name="recovery"
                label="Secrets of keys"
                options=choices
                selected=selected
                problem=problem_of(error, "recovery")
            />
            <div>
                <Button pending=action.pending()>"Save"</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}
