//! The form that makes an access token. It is answered with the page itself, which shows the token: once.

use std::sync::Arc;

use app::backend::{RequestContext, encoded};
use app::paths;
use axum::Extension;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use contract::Refusal;
use contract::access_tokens::TypedToken;

use super::answers::refused;
use super::shown_once::{draw, somewhere_first, status_of, told};
use super::{AppState, BODY_MAX};

/// Reads the form: its checkboxes are fields of one name.
fn read(body: &[u8]) -> Option<TypedToken> {
    let mut typed = TypedToken::default();
    let mut scopes = Vec::new();
    for (name, value) in form_pairs(body)? {
        match name.as_str() {
            "name" => typed.name = value,
            "days" => typed.days = value,
            "scopes" => scopes.push(value),
            _ => {}
        }
    }
    typed.scopes = scopes.join(" ");
    Some(typed)
}

fn form_pairs(body: &[u8]) -> Option<Vec<(String, String)>> {
    // A form has the form of a query.
    let query = format!("/?{}", std::str::from_utf8(body).ok()?);
    let asked = query.parse().ok()?;
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&asked).ok().map(|pairs| pairs.0)
}

/// Makes a token and draws its page.
pub(super) async fn create(
    State(state): State<AppState>,
    Extension(mut context): Extension<RequestContext>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX).await.unwrap_or_default();
    let Some(typed) = read(&body) else {
        return refused(&state, context.op.request, &HeaderMap::new(), &Refusal::InvalidInput { fields: Vec::new() });
    };
    let made = told(&context, portal::access_tokens::create(&context.op, &typed).await);
    // What was typed goes along, and stands in the form when its person comes back.
    let back = format!(
        "{}?name={}&scopes={}&days={}",
        paths::TOKENS,
        encoded(&typed.name),
        encoded(&typed.scopes),
        encoded(&typed.days)
    );
    if let Some(first) = somewhere_first(&made, &back) {
        return first;
    }
    let status = status_of(&made);
    context.token = Some(Arc::new((typed, made)));
    draw(&state, parts, context, status).await
}
