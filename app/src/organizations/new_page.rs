//! Creating an organization.

use contract::organizations::ORGANIZATION_NAME_MAX;
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::CreateOrganization;
use crate::console::Console;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::ConsolePlace;
use crate::ui::{Button, ButtonKind, Card, FormErrors, TextField};

const LABELS: &[(&str, &str)] = &[("name", "Name")];

/// A name is all it needs.
#[component]
#[must_use]
pub fn NewOrganizationPage() -> impl IntoView {
    let action = ServerAction::<CreateOrganization>::new();
    let kept = use_kept("create_organization", action.value().get_untracked().is_some());
    view! {
        <Title text="New organization"/>
        <Console place=ConsolePlace::Organization title="New organization">
            <Suspense>{move || Suspend::new(async move { form(action, kept.await) })}</Suspense>
        </Console>
    }
}

fn form(action: ServerAction<CreateOrganization>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <div class="settings">
            <Card>
                <div class="grid gap-4">
                    <p class="muted">
                        "An organization owns keys, and its members work with them in the role they have. You are its owner, and can invite others and hand it over later."
                    </p>
                    <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                        <FormErrors error labels=LABELS/>
                        <TextField
                            name="name"
                            label="Name"
                            value=kept.value("name")
                            help="A company, a team, a project. Members see it, and so does the operator of this portal."
                            problem=problem_of(error, "name")
                            autocomplete="organization"
                            max_length=ORGANIZATION_NAME_MAX
                            required=true
                        />
                        <div>
                            <Button kind=ButtonKind::Primary pending=action.pending()>"Create organization"</Button>
                        </div>
                    </ActionForm>
                </div>
            </Card>
        </div>
    }
    .into_any()
}
