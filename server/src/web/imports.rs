//! The form for an import of keys. It may be longer than any other form and than what a cookie keeps, so a refused one is
//! answered with its page, which holds what was typed.

use std::sync::Arc;

use app::backend::RequestContext;
use app::error::AppError;
use app::paths;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use contract::Refusal;
use contract::imports::TypedImport;

use super::AppState;
use super::answers::refused;
use super::shown_once::{draw, status_of, told};

/// Imports the keys, and leads to the page that says how far that is; or draws the form again with what is wrong.
pub(super) async fn create(
    State(state): State<AppState>,
    Extension(mut context): Extension<RequestContext>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let form = Form::<TypedImport>::from_request(Request::from_parts(parts.clone(), body), &state).await;
    let Ok(Form(typed)) = form else {
        let refusal = Refusal::InvalidInput { fields: Vec::new() };
        return refused(&state, context.op.request, &parts.headers, &refusal);
    };
    let made = told(&context, portal::imports::create(&context.op, &typed).await);
    let status = status_of(&made);
    let error: AppError = match made {
        Ok(import) => {
            let page = paths::admin_import_done(import.id);
            return (StatusCode::FOUND, [(header::LOCATION, page)]).into_response();
        }
        Err(AppError::Refused(Refusal::NotSignedIn)) => {
            return Redirect::to(&paths::leading_to(paths::SIGN_IN, paths::ADMIN_IMPORTS)).into_response();
        }
        Err(error) => error,
    };
    context.import = Some(Arc::new((typed, error)));
    draw(&state, parts, context, status).await
}
