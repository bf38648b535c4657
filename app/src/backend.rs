//! The only module that exists on the server alone: it turns the request into a [`portal::Op`], and what `portal`
//! answers into what pages understand. Also the document around every page.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, REFERER, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use contract::Refusal;
use contract::access_tokens::{CreatedToken, TypedToken};
use contract::apis::{TriedAnswer, TypedCall};
use contract::imports::TypedImport;
use contract::keys::RevealedKey;
use contract::leaks::SelfCheck;
use contract::recovery::RecoveryCodes;
use contract::rest::RestOperation;
use leptos::nonce::Nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::MetaTags;
use portal::sessions::{Opened, SessionToken};
use portal::{Error, Op};

use crate::error::AppError;
use crate::kept::{Kept, KeptFields};
use crate::layout::Frame;
use crate::theme::{self, Theme};
use crate::ui::Scripts;
use crate::{App, Site, paths};

mod gallery;
mod scripts;

pub use scripts::script_file;
use scripts::script_tag;

/// Holds the fields of a form that was sent without a script and refused, until the page is shown again.
const KEPT_COOKIE: &str = "cs_form";

/// A cookie larger than this is dropped by browsers; then the fields are lost, and only then.
const KEPT_MAX: usize = 3_000;

/// What the server knows of a request; put into its extensions before any page or server function sees it.
#[derive(Clone)]
pub struct RequestContext {
    /// Who, when, which request.
    pub op: Op,
    /// Whether cookies may only travel over HTTPS.
    pub secure_cookies: bool,
    /// What a reveal form that was just sent was answered with.
    pub revealed: Option<Arc<Result<RevealedKey, AppError>>>,
    /// What a form for new recovery codes that was just sent was answered with.
    pub codes: Option<Arc<Result<RecoveryCodes, AppError>>>,
    /// What the form of the self-check for leaked keys that was just sent was answered with.
    pub checked: Option<Arc<Result<SelfCheck, AppError>>>,
    /// A call that was just tried from the docs, and what it was answered with.
    pub tried: Option<Arc<(TypedCall, Result<TriedAnswer, AppError>)>>,
    /// An OpenAPI document that was just sent and refused, and why.
    pub document: Option<Arc<(String, AppError)>>,
    /// A form for an import that was just sent and refused, and why.
    pub import: Option<Arc<(TypedImport, AppError)>>,
    /// A form for an access token that was just sent, and what it was answered with.
    pub token: Option<Arc<(TypedToken, Result<CreatedToken, AppError>)>>,
    /// Operations of the REST API, for their docs.
    pub rest: Arc<Vec<RestOperation>>,
}

/// Name of the session cookie. The `__Host-` prefix (RFC 6265bis §4.1.3.2) ties it to this host and to HTTPS.
#[must_use]
pub const fn session_cookie(secure: bool) -> &'static str {
    if secure { "__Host-cs_session" } else { "cs_session" }
}

/// Name of the cookie by which an account knows the browser again.
#[must_use]
pub const fn device_cookie(secure: bool) -> &'static str {
    if secure { "__Host-cs_device" } else { "cs_device" }
}

/// The `Set-Cookie` header that hands a session to the browser. It goes when the browser closes, or when the server
/// ends it.
#[must_use]
pub fn session_cookie_header(secure: bool, token: &SessionToken) -> String {
    let attribute = if secure { "; Secure" } else { "" };
    format!("{}={}; Path=/; SameSite=Lax{attribute}; HttpOnly", session_cookie(secure), token.reveal())
}

fn parts() -> Result<Parts, AppError> {
    use_context::<Parts>().ok_or_else(|| AppError::Broken { reference: "no request".to_owned() })
}

fn context() -> Result<RequestContext, AppError> {
    parts()?
        .extensions
        .get::<RequestContext>()
        .cloned()
        .ok_or_else(|| AppError::Broken { reference: "no request".to_owned() })
}

/// The operation that this request asks for.
///
/// # Errors
/// When called outside a request.
pub async fn op() -> Result<Op, AppError> {
    Ok(context()?.op)
}

/// The portal's name, and who is signed in.
///
/// # Errors
/// When called outside a request.
pub async fn frame() -> Result<Frame, AppError> {
    let op = op().await?;
    Ok(Frame { name: op.portal.settings().name.clone(), me: portal::accounts::me(&op).await.ok(), now: op.now_ms() })
}

/// What the reveal form that was just sent was answered with.
///
/// # Errors
/// That answer, if it was a refusal.
pub fn revealed() -> Result<Option<RevealedKey>, AppError> {
    match context()?.revealed.as_deref() {
        None => Ok(None),
        Some(Ok(key)) => Ok(Some(key.clone())),
        Some(Err(error)) => Err(error.clone()),
    }
}

/// What the form for new recovery codes that was just sent was answered with.
///
/// # Errors
/// That answer, if it was a refusal.
pub fn new_codes() -> Result<Option<RecoveryCodes>, AppError> {
    match context()?.codes.as_deref() {
        None => Ok(None),
        Some(Ok(codes)) => Ok(Some(codes.clone())),
        Some(Err(error)) => Err(error.clone()),
    }
}

/// A form as it was typed, and what it was answered with.
pub type Sent<Form, Answer> = (Form, Result<Answer, AppError>);

/// The form for an access token that was just sent, and what it was answered with.
///
/// # Errors
/// When called outside a request.
pub fn sent_token() -> Result<Option<Sent<TypedToken, CreatedToken>>, AppError> {
    Ok(context()?.token.as_deref().cloned())
}

/// Operations of the REST API.
///
/// # Errors
/// When called outside a request.
pub fn rest_operations() -> Result<Vec<RestOperation>, AppError> {
    Ok(context()?.rest.to_vec())
}

/// What the form of the self-check that was just sent was answered with.
///
/// # Errors
/// When called outside a request.
pub fn checked() -> Result<Option<Result<SelfCheck, AppError>>, AppError> {
    Ok(context()?.checked.as_deref().cloned())
}

/// The call that was just tried from the docs, and what it was answered with.
///
/// # Errors
/// When called outside a request.
pub fn tried() -> Result<Option<Sent<TypedCall, TriedAnswer>>, AppError> {
    Ok(context()?.tried.as_deref().cloned())
}

/// The form for an import that was just sent and refused, and why.
///
/// # Errors
/// When called outside a request.
pub fn refused_import() -> Result<Option<(TypedImport, AppError)>, AppError> {
    Ok(context()?.import.as_deref().cloned())
}

/// The OpenAPI document that was just sent and refused, and why.
///
/// # Errors
/// When called outside a request.
pub fn refused_document() -> Result<Option<(String, AppError)>, AppError> {
    Ok(context()?.document.as_deref().cloned())
}

impl From<Error> for AppError {
    /// Logs a failure once, with the request it belongs to, and tells the status: here is where it leaves the system.
    fn from(error: Error) -> Self {
        let answer = match error {
            Error::Refused(refusal) => Self::Refused(refusal),
            Error::Failed(failure) => {
                let reference = context().map(|context| context.op.request.to_string()).unwrap_or_default();
                tracing::error!(request = reference, "Request failed: {failure:#}");
                Self::Broken { reference }
            }
        };
        set_status(&answer);
        lead_to_confirm(&answer);
        answer
    }
}

/// A form that needs a fresh authentication, or one at all, leads to where that is given, and from there back to its
/// page, which shows the form as it was sent: its server function kept the fields.
fn lead_to_confirm(answer: &AppError) {
    let place = match answer.refusal() {
        Some(Refusal::StepUpRequired { .. }) => paths::STEP_UP,
        Some(Refusal::NotSignedIn) => paths::SIGN_IN,
        _ => return,
    };
    let Ok(parts) = parts() else { return };
    if parts.method == Method::POST && accepts_html(&parts) {
        redirect(&format!("{place}?next={}", encoded(&page_of_form(&parts))));
    }
}

/// The page that a form was sent from, as its browser says: a path of ours.
fn page_of_form(parts: &Parts) -> String {
    let referer = parts.headers.get(REFERER).and_then(|referer| referer.to_str().ok()).unwrap_or_default();
    // A refused form is answered with its own address and the refusal in it; that part must not come back.
    let path =
        referer.split_once("://").and_then(|(_, rest)| rest.find('/').map(|start| &rest[start..])).unwrap_or_default();
    let (page, query) = path.split_once('?').unwrap_or((path, ""));
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("__")).collect();
    safe_path(&if kept.is_empty() { page.to_owned() } else { format!("{page}?{}", kept.join("&")) })
}

/// Percent-encodes what is not unreserved (RFC 3986 §2.3), so that a query in `next` stays in `next`.
#[must_use]
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// A form sent without a script is answered with a redirect; a status would break it.
fn set_status(answer: &AppError) {
    let status = match answer {
        AppError::Refused(refusal) => StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST),
        AppError::Broken { .. } | AppError::Unreachable => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if let (Some(response), Ok(parts)) = (use_context::<ResponseOptions>(), parts())
        && (parts.method == Method::GET || !accepts_html(&parts))
    {
        response.set_status(status);
        if let AppError::Refused(Refusal::TooManyTries { retry_after_s }) = answer {
            response.insert_header(RETRY_AFTER, HeaderValue::from(*retry_after_s));
        }
    }
}

/// Answers the page itself with a status, such as 404.
pub fn set_page_status(status: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        response.set_status(status);
    }
}

fn accepts_html(parts: &Parts) -> bool {
    parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// Whether the browser sent this form without a script.
#[must_use]
pub fn without_script() -> bool {
    parts().is_ok_and(|parts| accepts_html(&parts))
}

/// Leads on, with a script and without.
pub fn redirect(path: &str) {
    leptos_axum::redirect(path);
}

/// Leads back to the security page, which says what was done.
pub fn lead_back(done: &str) {
    redirect(&format!("{}?done={done}", paths::SECURITY));
}

fn append(name: HeaderName, value: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        response.append_header(name, value);
    }
}

fn cookie(name: &str, value: &str, attributes: &str) {
    let secure = if context().is_ok_and(|context| context.secure_cookies) { "; Secure" } else { "" };
    append(SET_COOKIE, &format!("{name}={value}; Path=/; SameSite=Lax{secure}{attributes}"));
}

/// Hands the session to the browser.
pub fn set_session(token: &SessionToken) {
    if let Ok(context) = context() {
        append(SET_COOKIE, &session_cookie_header(context.secure_cookies, token));
    }
}

/// Hands the browser what it signed in for: the session, and by what its account knows it again (400 days, the longest
/// that browsers keep a cookie: RFC 6265bis §5.5).
pub fn set_opened(opened: &Opened) {
    set_session(&opened.session);
    if let (Some(device), Ok(context)) = (&opened.device, context()) {
        cookie(device_cookie(context.secure_cookies), device.reveal(), "; HttpOnly; Max-Age=34560000");
    }
}

/// Takes the session from the browser.
pub fn clear_session() {
    if let Ok(context) = context() {
        cookie(session_cookie(context.secure_cookies), "", "; HttpOnly; Max-Age=0");
    }
}

/// Remembers the theme for a year.
pub fn set_theme(theme: Theme) {
    cookie(theme::COOKIE, theme.word(), "; Max-Age=31536000");
}

fn read_cookie(name: &str) -> Option<String> {
    let parts = parts().ok()?;
    parts
        .headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.to_owned())
        })
}

/// Keeps the fields of a refused form that was sent without a script, so that its page can show them again. Never a
/// password.
pub fn keep(form: &'static str, fields: &[(&str, &str)]) {
    if !without_script() {
        return;
    }
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let text = hex_of(&serde_json::to_vec(&Kept { form: form.to_owned(), fields }).unwrap_or_default());
    if text.len() <= KEPT_MAX {
        cookie(KEPT_COOKIE, &text, "; HttpOnly; Max-Age=300");
    }
}

/// The fields that were kept for this form, if any; the browser forgets them.
#[must_use]
pub fn take_kept(form: &str) -> KeptFields {
    let Some(kept) = read_cookie(KEPT_COOKIE)
        .and_then(|text| bytes_of(&text))
        .and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok())
    else {
        return KeptFields::default();
    };
    cookie(KEPT_COOKIE, "", "; HttpOnly; Max-Age=0");
    if kept.form == form { KeptFields(kept.fields) } else { KeptFields::default() }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    text.is_ascii().then_some(())?;
    (0..text.len() / 2).map(|place| u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).ok()).collect()
}

/// Names of the files that cargo-leptos built. Read once: they cannot change while the program runs.
struct Assets {
    script: String,
    wasm: String,
    style: String,
}

fn assets(options: &LeptosOptions) -> &'static Assets {
    static ASSETS: OnceLock<Assets> = OnceLock::new();
    ASSETS.get_or_init(|| {
        let hashes = std::env::current_exe()
            .ok()
            .and_then(|program| std::fs::read_to_string(program.with_file_name(options.hash_file.as_ref())).ok())
            .filter(|_| options.hash_files)
            .unwrap_or_default();
        let file = |kind: &str| {
            let hash = hashes
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.trim() == kind)
                .map(|(_, hash)| hash.trim());
            let dot = if hash.is_some() { "." } else { "" };
            format!("/{}/{}{dot}{}.{kind}", options.site_pkg_dir, options.output_name, hash.unwrap_or_default())
        };
        Assets { script: file("js"), wasm: file("wasm"), style: file("css") }
    })
}

/// Address of the stylesheet, for the few pages that are drawn by neither [`App`] nor [`Site`].
#[must_use]
pub fn stylesheet(options: &LeptosOptions) -> &'static str {
    &assets(options).style
}

/// The document around every page, with the content security policy that fits it. Whether it is a live page or a served
/// one is decided here, by its path, and nowhere else.
///
/// Nothing but our own files is loaded or run: no inline script without this answer's nonce, no inline style at all.
pub fn shell(options: LeptosOptions) -> AnyView {
    let live = parts().is_ok_and(|parts| paths::is_live(parts.uri.path()));
    if live { live_shell(assets(&options)) } else { served_shell(assets(&options)) }
}

/// A live page: the browser's program takes it over.
fn live_shell(assets: &'static Assets) -> AnyView {
    // A page that was left while the bundle loads must not report an error; one that stays works without it.
    let start = format!(
        "import('{}').then(m=>m.default({{module_or_path:'{}'}}).then(()=>m.hydrate())).catch(e=>console.warn('The page works without its script:',e))",
        assets.script, assets.wasm
    );
    let nonce = secure(" 'wasm-unsafe-eval'");
    let script = view! { <script r#type="module" nonce=nonce inner_html=start></script> }.into_any();
    document(assets, script, view! { <App/> }.into_any())
}

/// A served page, and the scripts that it asks for with [`crate::ui::Script`].
fn served_shell(assets: &'static Assets) -> AnyView {
    // What it was drawn from is not sent a second time, as data: nothing in the browser would read it. The secret of a
    // key stands in its page once.
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    let _ = secure(""); // `script_tag` asks for the nonce itself
    provide_context(Scripts(script_tag));
    document(assets, script_tag("site"), view! { <Site/> }.into_any())
}

/// The gallery, without a script: it shows how things look, and stays out of everybody's bundle.
pub fn gallery_shell(options: LeptosOptions) -> AnyView {
    let _ = secure(""); // no script that would need the nonce
    document(assets(&options), ().into_any(), view! { <gallery::Gallery/> }.into_any())
}

/// Sets the headers of a page; the nonce is for its scripts, which may do more only if their page needs it.
fn secure(more: &str) -> Option<Nonce> {
    let nonce = use_nonce()?;
    let response = use_context::<ResponseOptions>()?;
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'{more}; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
    // A page holds what only its reader may see.
    response.insert_header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(nonce)
}

fn document(assets: &'static Assets, script: AnyView, body: AnyView) -> AnyView {
    let theme = read_cookie(theme::COOKIE).as_deref().and_then(Theme::from_word).map(Theme::word);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="preload" href="/fonts/geist-latin-wght-normal.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
                <link rel="preload" href="/fonts/geist-mono-latin-wght-normal.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
                <link rel="stylesheet" href=assets.style.as_str()/>
                <link rel="icon" href="/favicon.svg" r#type="image/svg+xml"/>
                {script} <MetaTags/>
            </head>
            <body>{body}</body>
        </html>
    }
    .into_any()
}

/// Where to go after signing in: a path of ours, whatever was asked for.
#[must_use]
pub fn safe_path(asked: &str) -> String {
    // Everything else would have to be percent-encoded to stand in a header.
    let is_url = asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let ours = is_url && asked.starts_with('/') && !asked.starts_with("//");
    if ours { asked.to_owned() } else { paths::CONSOLE.to_owned() }
}

/// The same for somebody who was asked who they are where no page is waiting: the security page.
#[must_use]
pub fn security_or(asked: &str) -> String {
    if asked.is_empty() { paths::SECURITY.to_owned() } else { safe_path(asked) }
}

/// Reads an id from a form. What is none belongs to nothing.
///
/// # Errors
/// [`Refusal::NotFound`].
pub fn id<Id: FromStr>(text: &str) -> Result<Id, AppError> {
    text.parse().map_err(|_| Error::Refused(Refusal::NotFound).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_else() {
        for path in ["/console", "/reveal?token=a", "/"] {
            assert_eq!(safe_path(path), path);
        }
        for path in [
            "https://example.com",
            "//example.com",
            "/\\example.com",
            "javascript:alert(1)",
            "",
            "/a\r\nSet-Cookie: x",
            "/\0",
            "/é",
            "/ /a",
        ] {
            assert_eq!(safe_path(path), paths::CONSOLE, "{path:?}");
        }
    }

    #[test]
    fn kept_fields_survive_the_cookie() {
        let text = "Zoë \"O'Hara\"; नाम";
        assert_eq!(bytes_of(&hex_of(text.as_bytes())), Some(text.as_bytes().to_vec()));
        assert_eq!(bytes_of("zz"), None);
        assert_eq!(bytes_of("é"), None);
    }
}
