//! `/dev/mailbox`: mails that stay in the outbox because `mail.transport` is `preview`. The settings refuse that on an
//! address that others can reach.

use app::backend::RequestContext;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::{Extension, Json};
use portal::mail::{MailboxEntry, mailbox};

use super::AppState;
use super::answers::failed;

/// All mails, the newest first, for programs.
pub(super) async fn json(State(state): State<AppState>, Extension(context): Extension<RequestContext>) -> Response {
    match mailbox(state.portal.db()).await {
        Ok(mails) => Json(mails).into_response(),
        Err(error) => failed(&state, context.op.request, error),
    }
}

/// The same, for people: the text part with its links.
pub(super) async fn page(
    State(state): State<AppState>,
    Extension(context): Extension<RequestContext>,
    _: HeaderMap,
) -> Response {
    let mails = match mailbox(state.portal.db()).await {
        Ok(mails) => mails,
        Err(error) => return failed(&state, context.op.request, error),
    };
    let list: String = mails.iter().map(letter).collect();
    let list = if list.is_empty() {
        "<p class=\"muted\">No mail yet. Sign up, and the verification mail appears here.</p>".to_owned()
    } else {
        list
    };
    let style = app::backend::stylesheet(&state.options);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Mailbox</title><link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\
         <link rel=\"stylesheet\" href=\"{style}\"></head><body><main class=\"site mailbox\"><h1>Mailbox</h1>\
         <p class=\"muted\">Mails of this demo stay here instead of being sent. <a class=\"link\" href=\"/dev/mailbox\">Look again</a></p>{list}</main></body></html>"
    );
    let mut answer = Html(html).into_response();
    let policy = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn letter(mail: &MailboxEntry) -> String {
    let links: String = mail
        .links
        .iter()
        .map(|link| format!("<p><a class=\"btn primary\" href=\"{0}\">Open the link</a></p>", escaped(link)))
        .collect();
    format!(
        "<article class=\"card\"><header><h2>{}</h2><span class=\"muted small\">to {}</span></header><div class=\"body grid gap-3\"><pre class=\"letter\">{}</pre>{links}</div></article>",
        escaped(&mail.subject),
        escaped(&mail.to),
        escaped(&mail.text)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
