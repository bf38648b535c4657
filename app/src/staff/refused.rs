//! What stands where a page of the operator's desk would have stood.

use contract::Refusal;
use leptos::prelude::*;

use crate::error::AppError;
use crate::paths;
use crate::ui::{Failure, LinkButton};

/// The refusal; with the way to a passkey, where that is what is missing.
#[must_use]
pub fn desk_refused(error: AppError) -> AnyView {
    let passkey = matches!(error.refusal(), Some(Refusal::PasskeyRequired));
    view! {
        <Failure error/>
        {passkey.then(|| view! { <p><LinkButton href=paths::SECURITY>"Open security"</LinkButton></p> })}
    }
    .into_any()
}
