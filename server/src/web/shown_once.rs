//! Pages that hold what is shown once: a form is answered with the page itself, and nothing else ever holds it.

use app::backend::{RequestContext, encoded, shell};
use app::error::AppError;
use app::paths;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use contract::Refusal;
use contract::recovery::{RECOVERY_CODE_LENGTH, RECOVERY_CODES, RecoveryCodes, spaced_code, squashed_code};
use serde::Deserialize;
use std::sync::Arc;

use super::AppState;
use super::answers::refused;

/// What a verb answered, as pages understand it. A failure is logged here, where it leaves the system.
pub(super) fn told<T>(context: &RequestContext, answer: portal::Result<T>) -> Result<T, AppError> {
    answer.map_err(|error| match error {
        portal::Error::Refused(refusal) => AppError::Refused(refusal),
        portal::Error::Failed(failure) => {
            tracing::error!(request = %context.op.request, "Request failed: {failure:#}");
            AppError::Broken { reference: context.op.request.to_string() }
        }
    })
}

/// The status of that answer.
pub(super) fn status_of<T>(answer: &Result<T, AppError>) -> StatusCode {
    match answer {
        Ok(_) => StatusCode::OK,
        Err(AppError::Refused(refusal)) => StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST),
        Err(AppError::Broken { .. } | AppError::Unreachable) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Draws the page of the address that the form was sent to. It finds the answer in the context.
pub(super) async fn draw(state: &AppState, parts: Parts, context: RequestContext, status: StatusCode) -> Response {
    let mut again = Request::from_parts(parts, Body::empty());
    again.extensions_mut().insert(context);
    let options = state.options.clone();
    let mut page = leptos_axum::render_app_async(move || shell(options.clone()))(again).await;
    // To the page a form without a script is always answered well.
    *page.status_mut() = status;
    page
}

/// Leads whoever has to say first who they are to where they can, and from there back to the page of the form.
pub(super) fn somewhere_first<T>(answer: &Result<T, AppError>, back: &str) -> Option<Response> {
    let place = match answer {
        Err(AppError::Refused(Refusal::StepUpRequired { .. })) => paths::STEP_UP,
        Err(AppError::Refused(Refusal::NotSignedIn)) => paths::SIGN_IN,
        _ => return None,
    };
    Some(Redirect::to(&format!("{place}?next={}", encoded(back))).into_response())
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    codes: String,
}

/// Gives the codes that their page shows back as a file: without a script only a server can. Nothing is kept, and only
/// what has the form of a code is sent back.
pub(super) async fn recovery_codes_file(
    State(state): State<AppState>,
    Extension(context): Extension<RequestContext>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let form = Form::<Shown>::from_request(Request::from_parts(parts.clone(), body), &state).await;
    let person = match context.op.signed_in() {
        Ok(person) => person,
        Err(_) => return refused(&state, context.op.request, &parts.headers, &Refusal::NotSignedIn),
    };
    let codes: Vec<String> = form
        .map(|Form(shown)| shown.codes)
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(squashed_code)
        .filter(|code| code.len() == RECOVERY_CODE_LENGTH && code.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .take(RECOVERY_CODES)
        .map(|code| spaced_code(&code))
        .collect();
    if codes.is_empty() {
        return refused(&state, context.op.request, &parts.headers, &Refusal::InvalidInput { fields: Vec::new() });
    }
    let codes = RecoveryCodes { codes, made_at: context.op.now_ms() };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"recovery-codes.txt\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, codes.text(&state.portal.settings().name, &person.email)).into_response()
}

/// Makes new recovery codes and draws their page.
pub(super) async fn recovery_codes(
    State(state): State<AppState>,
    Extension(mut context): Extension<RequestContext>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let made = told(&context, portal::recovery::make_recovery_codes(&context.op).await);
    if let Some(first) = somewhere_first(&made, paths::RECOVERY_CODES) {
        return first;
    }
    let status = status_of(&made);
    context.codes = Some(Arc::new(made));
    draw(&state, parts, context, status).await
}
