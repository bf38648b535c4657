//! The fields of a form that was sent without a script and refused: its page shows them again.

#![expect(missing_docs, reason = "each argument becomes a field of a struct; the function says what it means")]

use contract::Problem;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// What the cookie holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Which form.
    pub form: String,
    /// Its fields.
    pub fields: Vec<(String, String)>,
}

/// The fields of one form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFields(pub Vec<(String, String)>);

impl KeptFields {
    /// What stood in a field.
    #[must_use]
    pub fn value(&self, name: &str) -> String {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// The fields that were kept for a form.
///
/// # Errors
/// Never; the type is that of every call.
#[server(prefix = "/rpc", endpoint = "kept/take", input = GetUrl)]
pub async fn take_kept(form: String) -> Result<KeptFields, AppError> {
    Ok(crate::backend::take_kept(&form))
}

/// The fields that were kept for a form, asked for only if the form was refused before this page was shown.
#[must_use]
pub fn use_kept(form: &'static str, refused: bool) -> Resource<KeptFields> {
    Resource::new_blocking(
        || (),
        move |()| async move {
            if refused { take_kept(form.to_owned()).await.unwrap_or_default() } else { KeptFields::default() }
        },
    )
}

/// The answer of a form, split into what its page shows.
#[must_use]
pub fn error_of<T: Clone + Send + Sync + 'static>(
    answer: impl Fn() -> Option<Result<T, AppError>> + Send + Sync + 'static,
) -> Signal<Option<AppError>> {
    Signal::derive(move || answer().and_then(Result::err))
}

/// What is wrong with one field.
#[must_use]
pub fn problem_of(error: Signal<Option<AppError>>, field: &'static str) -> Signal<Option<Problem>> {
    Signal::derive(move || {
        error.with(|error| error.as_ref().and_then(AppError::refusal).and_then(|refusal| refusal.problem_of(field)))
    })
}
