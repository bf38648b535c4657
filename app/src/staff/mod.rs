//! Accounts, as staff find them, see them, and restrict, suspend and restore them.

mod account_page;
mod accounts_page;
mod refused;
pub mod server_fns;

use contract::staff::LookPurpose;
use contract::{FieldProblem, Problem, Refusal};
use leptos::prelude::*;

pub use account_page::AccountPage;
pub use accounts_page::AccountsPage;
pub use refused::desk_refused;

use crate::error::AppError;
use crate::kept::{error_of, problem_of};
use crate::ui::{Button, ButtonKind, Card, FormErrors, Note, Select};

/// The purpose that a form or an address names.
///
/// # Errors
/// [`Refusal::InvalidInput`]: nobody looks without one.
pub fn purpose_of(word: &str) -> Result<LookPurpose, Refusal> {
    LookPurpose::from_word(word).ok_or_else(|| Refusal::InvalidInput {
        fields: vec![FieldProblem { field: "purpose".to_owned(), problem: Problem::NotAChoice }],
    })
}

/// The choice of a purpose.
#[must_use]
pub fn purpose_field(selected: String, problem: Signal<Option<Problem>>) -> AnyView {
    let mut options = vec![(String::new(), "Choose a purpose".to_owned())];
    options.extend(LookPurpose::ALL.map(|purpose| (purpose.word().to_owned(), purpose.label().to_owned())));
    view! { <Select name="purpose" label="Purpose" options selected problem/> }.into_any()
}

/// Asks for a purpose before one thing is shown: nobody looks without saying why. `given` is what was said and is none.
#[must_use]
pub fn ask_purpose(given: &str, thing: &'static str, note: &'static str) -> AnyView {
    let wrong = (!given.is_empty()).then(|| purpose_of(given).err()).flatten().map(AppError::Refused);
    let error = error_of(move || wrong.clone().map(Err::<(), _>));
    view! {
        <Card title=format!("Why do you look at this {thing}?")>
            <form method="get" class="grid gap-4" novalidate>
                <FormErrors error labels=&[("purpose", "Purpose")]/>
                {purpose_field(String::new(), problem_of(error, "purpose"))}
                <Note>{note}</Note>
                <div><Button kind=ButtonKind::Primary>{format!("Open the {thing}")}</Button></div>
            </form>
        </Card>
    }
    .into_any()
}
