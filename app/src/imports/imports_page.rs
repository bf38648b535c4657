//! Imports of keys, for staff: all of them, and the form for another.

use contract::imports::{Alphabet, Import, PREFIX_MAX, TypedImport};
use contract::{Refusal, StaffPermission};
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::{RefusedImport, list_imports, read_refused_import};
use crate::console::Admin;
use crate::error::AppError;
use crate::kept::{error_of, problem_of};
use crate::layout::{AdminPlace, use_frame};
use crate::paths;
use crate::staff::desk_refused;
use crate::ui::format::grouped;
use crate::ui::{
    Button, ButtonKind, Card, Column, EmptyState, FormErrors, Icon, Note, Notice, Select, Table, TextArea, TextField,
    Time, Tone,
};

const LABELS: &[(&str, &str)] = &[
    ("prefix", "How all old keys begin"),
    ("length_min", "Shortest old key, in characters"),
    ("length_max", "Longest old key, in characters"),
    ("alphabet", "Made of"),
    ("rows", "Keys"),
];

/// `/admin/imports`
#[component]
#[must_use]
pub fn ImportsPage() -> impl IntoView {
    let imports = Resource::new_blocking(|| (), |()| list_imports());
    let refused = Resource::new_blocking(|| (), |()| read_refused_import());
    let frame = use_frame();
    view! {
        <Title text="Imports of keys"/>
        <Admin place=AdminPlace::Keys title="Imports of keys">
            <Suspense>
                {move || Suspend::new(async move {
                    let role = frame.await.ok().and_then(|frame| frame.me).and_then(|me| me.staff);
                    let manages = role.is_some_and(|role| role.allows(StaffPermission::ManageKeys));
                    match imports.await {
                        Ok(imports) => {
                            let refused = refused.await.ok().flatten();
                            view! { <div class="settings">{all(imports)} {manages.then(|| form(refused))}</div> }.into_any()
                        }
                        Err(error) => desk_refused(error),
                    }
                })}
            </Suspense>
        </Admin>
    }
}

fn all(imports: Vec<Import>) -> AnyView {
    if imports.is_empty() {
        return view! {
            <Card>
                <EmptyState
                    icon=Icon::Key
                    title="No keys were imported"
                    text="Keys of another system go on working here: all it takes is the SHA-256 of each."
                />
            </Card>
        }
        .into_any();
    }
    let columns = vec![
        Column::text("Import"),
        Column::number("Keys"),
        Column::number("Used since"),
        Column::number("Not yet"),
        Column::number("Revoked").optional(),
    ];
    let number = |count: u64| grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let rows: Vec<AnyView> = imports
        .into_iter()
        .map(|import| {
            let (page, hint) = (paths::admin_import(import.id), import.format.hint());
            view! {
                <tr>
                    <td><a class="link" href=page><Time at=import.created_at absolute=true/></a> " " <span class="mono">{hint}</span></td>
                    <td class="num">{number(import.keys)}</td>
                    <td class="num">{number(import.rekeyed)}</td>
                    <td class="num">{number(import.waiting())}</td>
                    <td class="num opt">{number(import.revoked)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! { <Card flush=true><Table label="Imports" columns=columns fold=true>{rows}</Table></Card> }.into_any()
}

/// The form is answered by this page, which holds what was refused: it is too long for any other way.
fn form(refused: Option<RefusedImport>) -> AnyView {
    let (typed, refusal) = match refused {
        Some(RefusedImport { typed, error }) => (typed, Some(error)),
        None => {
            let typed = TypedImport { alphabet: Alphabet::default().word().to_owned(), ..TypedImport::default() };
            (typed, None)
        }
    };
    let lines = lines(refusal.as_ref());
    let confirm = matches!(refusal, Some(AppError::Refused(Refusal::StepUpRequired { .. }))).then(|| {
        view! {
            <Notice tone=Tone::Warn title="Confirm first that it is you.">
                <a class="link" href=paths::STEP_UP target="_blank" rel="noopener">"Confirm in another tab"</a> ", then send this form again. Nothing of it is lost."
            </Notice>
        }
    });
    let error = error_of(move || refusal.clone().map(Err::<(), _>));
    let alphabets = Alphabet::ALL.map(|one| (one.word().to_owned(), one.label().to_owned())).to_vec();
    view! {
        <Card title="Import keys">
            <form method="post" action=paths::ADMIN_IMPORTS class="grid gap-4" novalidate>
                {confirm}
                <FormErrors error labels=LABELS/>
                {lines}
                <TextField
                    name="prefix"
                    label="How all old keys begin"
                    value=typed.prefix
                    help="It is shown as the hint of each key. Empty if they share nothing."
                    problem=problem_of(error, "prefix")
                    autocomplete="off"
                    max_length=PREFIX_MAX
                    mono=true
                />
                <TextField
                    name="length_min"
                    label="Shortest old key, in characters"
                    value=typed.length_min
                    help="The beginning included: 16 to 512."
                    problem=problem_of(error, "length_min")
                    autocomplete="off"
                    required=true
                />
                <TextField
                    name="length_max"
                    label="Longest old key, in characters"
                    value=typed.length_max
                    problem=problem_of(error, "length_max")
                    autocomplete="off"
                    required=true
                />
                <Select name="alphabet" label="Made of" options=alphabets selected=typed.alphabet problem=problem_of(error, "alphabet")/>
                <TextArea
                    name="rows"
                    label="Keys"
                    value=typed.rows
                    help="One a line: sha256,label,organization,environment,expires_at. The organization is its id or the address of its owner; environment is live or test; the end may be missing."
                    problem=problem_of(error, "rows")
                    rows=12
                    mono=true
                    required=true
                />
                <Note>"All lines or none. Each key works at once. When it is first used, it is hashed like a key of ours, and of its SHA-256 nothing stays. Files of more than 1 MB go by the command line: countersign keys import."</Note>
                <div>
                    <Button kind=ButtonKind::Primary>"Import the keys"</Button>
                </div>
            </form>
        </Card>
    }
    .into_any()
}

/// What is wrong with single lines.
fn lines(refusal: Option<&AppError>) -> Option<AnyView> {
    let Some(AppError::Refused(Refusal::InvalidInput { fields })) = refusal else { return None };
    let lines: Vec<AnyView> = fields
        .iter()
        .filter(|field| field.field.starts_with("line "))
        .map(|field| {
            view! { <li><b>{format!("L{}", &field.field[1..])}</b> ": " {field.problem.to_string()}</li> }.into_any()
        })
        .collect();
    (!lines.is_empty()).then(|| {
        view! {
            <Notice tone=Tone::Bad title="Nothing was imported. Mend these lines first.">
                <ul class="grid gap-1">{lines}</ul>
            </Notice>
        }
        .into_any()
    })
}
