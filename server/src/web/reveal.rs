//! The form of a reveal link: its answer is the page with the secret, and nothing else ever holds it.

use std::sync::Arc;

use app::backend::{RequestContext, encoded};
use app::paths::REVEAL;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::Response;
use axum::{Extension, Form};
use contract::Refusal;
use serde::Deserialize;

use super::AppState;
use super::answers::refused;
use super::shown_once::{draw, somewhere_first, status_of, told};

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
    let Ok(Form(fields)) = Form::<Fields>::from_request(Request::from_parts(parts.clone(), body), &state).await else {
        let refusal = Refusal::InvalidInput { fields: Vec::new() };
        return refused(&state, context.op.request, &parts.headers, &refusal);
    };
    let revealed = told(&context, portal::keys::reveal(&context.op, &fields.token).await);
    if let Some(first) = somewhere_first(&revealed, &format!("{REVEAL}?token={}", encoded(&fields.token))) {
        return first;
    }
    let status = status_of(&revealed);
    context.revealed = Some(Arc::new(revealed));
    draw(&state, parts, context, status).await
}
