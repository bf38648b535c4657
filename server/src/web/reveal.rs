//! The form of a reveal link: its answer is the page with the secret, and nothing else ever holds it.

use std::sync::Arc;

use app::backend::{RequestContext, shell};
use app::error::AppError;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use contract::Refusal;
use serde::Deserialize;

use super::AppState;
use super::answers::refused;

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    token: String,
}

/// Uses the link and draws its page.
pub(super) async fn reveal(
    State(state): State<AppState>,
    Extension(mut context): Extension<RequestContext>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut again = Request::from_parts(parts.clone(), axum::body::Body::empty());
    let Ok(Form(fields)) = Form::<Fields>::from_request(Request::from_parts(parts, body), &state).await else {
        let refusal = Refusal::InvalidInput { fields: Vec::new() };
        return refused(&state, context.op.request, again.headers(), &refusal);
    };
    let revealed = portal::keys::reveal(&context.op, &fields.token).await.map_err(|error| match error {
        portal::Error::Refused(refusal) => AppError::Refused(refusal),
        portal::Error::Failed(failure) => {
            tracing::error!(request = %context.op.request, "Revealing failed: {failure:#}");
            AppError::Broken { reference: context.op.request.to_string() }
        }
    });
    let status = match &revealed {
        Ok(_) => StatusCode::OK,
        Err(AppError::Refused(refusal)) => StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST),
        Err(AppError::Broken { .. } | AppError::Unreachable) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    context.revealed = Some(Arc::new(revealed));
    again.extensions_mut().insert(context);
    let options = state.options.clone();
    let mut page = leptos_axum::render_app_async(move || shell(options.clone()))(again).await;
    // To the page a form without a script is always answered well.
    *page.status_mut() = status;
    page
}
