//! Registering an API.

use contract::apis::{NAME_MAX, SLUG_MAX, UPSTREAM_MAX};
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::CreateApi;
use crate::console::Admin;
use crate::kept::{KeptFields, error_of, problem_of, use_kept};
use crate::layout::AdminPlace;
use crate::ui::{Button, ButtonKind, Card, FormErrors, TextField};

const LABELS: &[(&str, &str)] =
    &[("slug", "Path at the gateway"), ("name", "Name"), ("upstream_url", "Address of the upstream")];

/// Where it is and what it is called; everything else follows on its page.
#[component]
#[must_use]
pub fn NewApiPage() -> impl IntoView {
    let action = ServerAction::<CreateApi>::new();
    // Also after the person had to confirm first: then nothing was refused on this page.
    let kept = use_kept("create_api", true);
    view! {
        <Title text="Register an API"/>
        <Admin place=AdminPlace::Apis title="Register an API">
            <Suspense>{move || Suspend::new(async move { form(action, kept.await) })}</Suspense>
        </Admin>
    }
}

fn form(action: ServerAction<CreateApi>, kept: KeptFields) -> AnyView {
    let error = error_of(move || action.value().get());
    view! {
        <div class="settings">
            <Card>
                <ActionForm action=action attr:novalidate=true attr:class="grid gap-4">
                    <FormErrors error labels=LABELS/>
                    <TextField
                        name="slug"
                        label="Path at the gateway"
                        value=kept.value("slug")
                        help="The first part of every path: small letters, digits and dashes. It cannot be changed later."
                        problem=problem_of(error, "slug")
                        autocomplete="off"
                        max_length=SLUG_MAX
                        mono=true
                        required=true
                    />
                    <TextField
                        name="name"
                        label="Name"
                        value=kept.value("name")
                        help="What the docs call it."
                        problem=problem_of(error, "name")
                        autocomplete="off"
                        max_length=NAME_MAX
                        required=true
                    />
                    <TextField
                        name="upstream_url"
                        label="Address of the upstream"
                        value=kept.value("upstream_url")
                        help="Where the gateway forwards to: http or https, a host, perhaps a port and a path."
                        problem=problem_of(error, "upstream_url")
                        autocomplete="off"
                        max_length=UPSTREAM_MAX
                        placeholder="https://api.example.com/v1"
                        mono=true
                        required=true
                    />
                    <div>
                        <Button kind=ButtonKind::Primary pending=action.pending()>"Register the API"</Button>
                    </div>
                </ActionForm>
            </Card>
        </div>
    }
    .into_any()
}
