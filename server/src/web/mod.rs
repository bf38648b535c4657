//! The portal's listener: pages, server functions, live logs.

use std::sync::{Arc, OnceLock};

use app::backend::{gallery_shell, script_file, shell};
use axum::extract::{DefaultBodyLimit, FromRef, Path};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use ipnet::IpNet;
use leptos::prelude::LeptosOptions;
use leptos_axum::{AxumRouteListing, LeptosRoutes as _, generate_route_list};
use portal::Portal;
use request_logs::Ledger;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

mod access_tokens;
mod answers;
mod browser;
mod context;
mod documents;
mod imports;
mod leaks;
mod live;
mod mailbox;
mod own_forms;
mod reveal;
mod shown_once;
mod tries;

use answers::{explain, take_body};
use context::with_context;
pub use tries::OwnGateway;

/// The largest body any form of ours needs, with room for what people paste by mistake, so that they get an answer.
const BODY_MAX: usize = 64 * 1024;

/// What the listener knows.
#[derive(Clone, Debug)]
pub struct AppState {
    /// Where the built files are.
    pub options: LeptosOptions,
    /// The control plane.
    pub portal: Portal,
    /// Live rows.
    pub ledger: Ledger,
    /// How it is set up.
    pub web: Arc<WebSettings>,
    /// Where calls are tried.
    pub gateway: OwnGateway,
}

/// How the listener is set up.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Whether cookies travel over HTTPS only.
    pub secure_cookies: bool,
    /// Whether mails stay in the outbox and are shown on a page.
    pub mailbox: bool,
    /// Whether the gallery is shown.
    pub gallery: bool,
    /// Proxies whose word on the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.options.clone()
    }
}

/// Every page.
#[derive(Clone)]
pub struct Pages {
    /// Those that the browser's program takes over.
    pub live: Vec<AxumRouteListing>,
    /// Those that the server draws alone.
    pub served: Vec<AxumRouteListing>,
}

/// Every page. Listed once: whatever page the process draws meanwhile waits for ever, because Leptos loads no resource
/// anywhere while it lists routes.
pub fn pages() -> Pages {
    static PAGES: OnceLock<Pages> = OnceLock::new();
    let list = || Pages { live: generate_route_list(app::App), served: generate_route_list(app::Site) };
    PAGES.get_or_init(list).clone()
}

/// A script of served pages.
async fn script(Path(file): Path<String>) -> Response {
    match script_file(&file) {
        Some(text) => ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A year of nothing but HTTPS (RFC 6797 §6.1), for this host alone: others of the domain are not ours to bind.
fn only_https() -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"))
}

/// Everything the portal answers.
pub fn router(state: AppState) -> Router {
    let site = state.options.site_root.to_string();
    let built = format!("/{}/{{*path}}", state.options.site_pkg_dir);
    // Their names hold a hash of their content.
    let forever = SetResponseHeaderLayer::overriding(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    let for_a_day =
        SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    let files = |folder: &str| ServeDir::new(format!("{site}/{folder}")).precompressed_br().precompressed_gzip();

    let Pages { live, served } = pages();
    let mut router = Router::new()
        .leptos_routes(&state, [live, served].concat(), {
            let options = state.options.clone();
            move || shell(options.clone())
        })
        .route("/reveal", post(reveal::reveal))
        .route(app::paths::API_DOCS, post(tries::call))
        .route(app::paths::ADMIN_API, post(documents::change).layer(DefaultBodyLimit::max(documents::FORM_MAX)))
        .route(app::paths::ADMIN_IMPORTS, post(imports::create).layer(DefaultBodyLimit::max(documents::FORM_MAX)))
        .route(app::paths::LEAK_CHECK, post(leaks::check))
        .route(app::paths::RECOVERY_CODES, post(shown_once::recovery_codes))
        .route(app::paths::RECOVERY_CODES_FILE, post(shown_once::recovery_codes_file))
        .route(app::paths::TOKENS, post(access_tokens::create));
    if state.web.mailbox {
        router = router.route("/dev/mailbox", get(mailbox::page)).route("/dev/mailbox.json", get(mailbox::json));
    }
    if state.web.gallery {
        let options = state.options.clone();
        router =
            router.route("/dev/gallery", get(leptos_axum::render_app_async(move || gallery_shell(options.clone()))));
    }
    let assets = Router::new()
        .route_service(&built, tower::ServiceBuilder::new().layer(forever.clone()).service(files("")))
        .route("/js/{file}", get(script).layer(forever))
        .nest_service("/fonts", tower::ServiceBuilder::new().layer(for_a_day.clone()).service(files("fonts")))
        .route_service("/favicon.svg", tower::ServiceBuilder::new().layer(for_a_day).service(files("")))
        .route_service("/robots.txt", files(""))
        .layer(middleware::map_response(answers::forget_missing));
    // For programs: no cookie is looked at, so nothing here can be used against the will of whoever has one.
    let rest = crate::api::routes()
        .route("/api/v1/request-logs/live", get(live::live))
        .route(leaks::INTAKE, leaks::door())
        .route(app::paths::KEY_PATTERNS, get(leaks::patterns))
        .layer(middleware::from_fn(take_body))
        .layer(middleware::from_fn_with_state(state.clone(), explain))
        .layer(middleware::from_fn_with_state(state.clone(), with_context));
    let missing = leptos_axum::render_app_async({
        let options = state.options.clone();
        move || shell(options.clone())
    });
    router
        .fallback(missing)
        .layer(middleware::from_fn(take_body))
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn_with_state(state.clone(), own_forms::only_own_forms))
        .layer(middleware::from_fn_with_state(state.clone(), explain))
        .layer(middleware::from_fn_with_state(state.clone(), with_context))
        .merge(rest)
        .merge(assets)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(middleware::map_response(answers::harden))
        .layer(option_layer(state.web.secure_cookies.then(only_https)))
        .with_state(state)
}
