//! The form for an API's OpenAPI document. It may be longer than any other form and than what a cookie keeps, so a
//! refused one is answered with its page, which holds the text.

use std::sync::Arc;

use app::backend::{RequestContext, encoded};
use app::error::AppError;
use app::paths;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Form};
use contract::Refusal;
use contract::apis::OPENAPI_MAX;
use serde::Deserialize;

use super::AppState;
use super::answers::refused;
use super::shown_once::{draw, somewhere_first, status_of, told};

/// The longest such form: each byte of a document takes up to three (`%7B`).
pub(super) const FORM_MAX: usize = 3 * OPENAPI_MAX + 64 * 1024;

/// Whether a request may be as long as that: only staff have such a form.
pub(super) fn is_form(request: &Request) -> bool {
    let staff = |context: &RequestContext| context.op.signed_in().is_ok_and(|person| person.staff.is_some());
    let path = request.uri().path();
    (path.starts_with(paths::ADMIN_APIS) || path == paths::ADMIN_IMPORTS)
        && request.extensions().get::<RequestContext>().is_some_and(staff)
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    openapi: String,
}

/// Replaces the document, and leads to the page of the API; or draws it with the text and what is wrong.
pub(super) async fn change(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Extension(mut context): Extension<RequestContext>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(Form(fields)) = Form::<Fields>::from_request(Request::from_parts(parts.clone(), body), &state).await else {
        let refusal = Refusal::InvalidInput { fields: Vec::new() };
        return refused(&state, context.op.request, &parts.headers, &refusal);
    };
    let changed = told(&context, portal::apis::change_document(&context.op, &slug, &fields.openapi).await);
    if let Some(first) = somewhere_first(&changed, &paths::admin_api(&encoded(&slug))) {
        return first;
    }
    let status = status_of(&changed);
    let error: AppError = match changed {
        Ok(()) => {
            let page = paths::admin_api_done(&slug, "document");
            // As every other form that is accepted.
            return (StatusCode::FOUND, [(header::LOCATION, page)]).into_response();
        }
        Err(error) => error,
    };
    context.document = Some(Arc::new((fields.openapi, error)));
    draw(&state, parts, context, status).await
}
