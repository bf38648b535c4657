//! The form of a reveal link: its answer is the page with the secret, and nothing else ever holds it.

use std::sync::Arc;

use app::backend::{RequestContext, shell};
use axum::Form;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::AppState;

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    token: String,
}

/// Uses the link and draws its page.
pub(super) async fn reveal(State(state): State<AppState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let context = parts.extensions.get::<RequestContext>().cloned();
    let mut again = Request::from_parts(parts.clone(), axum::body::Body::empty());
    let fields = match Form::<Fields>::from_request(Request::from_parts(parts, body), &state).await {
        Ok(Form(fields)) => fields,
        Err(rejection) => return rejection.into_response(),
    };
    if let Some(mut context) = context {
        let revealed = portal::keys::reveal(&context.op, &fields.token).await;
        context.revealed = Some(Arc::new(revealed.map_err(|error| match error {
            portal::Error::Refused(refusal) => app::error::AppError::Refused(refusal),
            portal::Error::Failed(failure) => {
                tracing::error!(request = %context.op.request, "Revealing failed: {failure:#}");
                app::error::AppError::Broken { reference: context.op.request.to_string() }
            }
        })));
        again.extensions_mut().insert(context);
    }
    let options = state.options.clone();
    leptos_axum::render_app_async(move || shell(options.clone()))(again).await
}
