//! The route table: one line a page.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::accounts::{CheckYourMailPage, SignUpPage, VerifyEmailPage};
use crate::docs::{ApiPage, DocsPage, ErrorPage, ErrorsPage};
use crate::home::HomePage;
use crate::keys::{KeysPage, RevealPage};
use crate::layout::provide_frame;
use crate::not_found::NotFoundPage;
use crate::overview::OverviewPage;
use crate::policies::{PrivacyPage, TermsPage};
use crate::request_logs::{AdminLogsPage, LogsPage};
use crate::sessions::SignInPage;
use crate::usage::UsagePage;

/// Pages are answered whole, not in parts that a script puts in place: they must be complete without one.
const WHOLE: SsrMode = SsrMode::Async;

/// The program that runs in the browser, and on the server to draw the first view.
#[component]
#[must_use]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_frame();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Countersign".to_owned() } else { format!("{title} · Countersign") }/>
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/") view=HomePage ssr=WHOLE/>
                <Route path=path!("/docs") view=DocsPage ssr=WHOLE/>
                <Route path=path!("/docs/errors") view=ErrorsPage ssr=WHOLE/>
                <Route path=path!("/docs/errors/:code") view=ErrorPage ssr=WHOLE/>
                <Route path=path!("/docs/:api") view=ApiPage ssr=WHOLE/>
                <Route path=path!("/sign-up") view=SignUpPage ssr=WHOLE/>
                <Route path=path!("/sign-up/check-your-mail") view=CheckYourMailPage ssr=WHOLE/>
                <Route path=path!("/verify-email") view=VerifyEmailPage ssr=WHOLE/>
                <Route path=path!("/sign-in") view=SignInPage ssr=WHOLE/>
                <Route path=path!("/reveal") view=RevealPage ssr=WHOLE/>
                <Route path=path!("/privacy") view=PrivacyPage ssr=WHOLE/>
                <Route path=path!("/terms") view=TermsPage ssr=WHOLE/>
                <Route path=path!("/console") view=OverviewPage ssr=WHOLE/>
                <Route path=path!("/console/keys") view=KeysPage ssr=WHOLE/>
                <Route path=path!("/console/logs") view=LogsPage ssr=WHOLE/>
                <Route path=path!("/console/usage") view=UsagePage ssr=WHOLE/>
                <Route path=path!("/admin/logs") view=AdminLogsPage ssr=WHOLE/>
            </Routes>
        </Router>
    }
}
