//! A part of a page that could not be shown.

use leptos::prelude::*;

use super::form_errors::sentence;
use super::{Icon, IconView};
use crate::error::AppError;
use crate::paths;

/// What happened, what to do, and the reference to quote: stands where the part would have stood.
#[component]
#[must_use]
pub fn Failure(
    /// Why.
    error: AppError,
) -> impl IntoView {
    let title = match &error {
        AppError::Refused(refusal) => refusal.title(),
        AppError::Broken { .. } => "This part could not be shown",
        AppError::Unreachable => "No connection",
    };
    let more = match &error {
        AppError::Refused(refusal) => {
            Some(view! { <a class="link" href=paths::error(refusal.code())>"What this means"</a> }.into_any())
        }
        AppError::Broken { .. } | AppError::Unreachable => None,
    };
    view! {
        <div class="notice bad" role="alert">
            <IconView icon=Icon::Warning/>
            <div class="body grid gap-1"><b>{title}</b> {sentence(&error)} {more}</div>
        </div>
    }
    .into_any()
}
