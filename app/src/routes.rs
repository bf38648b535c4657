//! The two route tables, one line a page.
//!
//! - [`App`]: live pages. The browser's program takes them over, and goes from one to the other without a new page.
//! - [`Site`]: served pages. The server alone draws them, so they weigh nothing in the bundle: they work by forms, and
//!   `app/js/site.js` makes them pleasant. A page belongs here unless it changes while somebody looks at it.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::access_tokens::TokensPage;
use crate::accounts::{
    CheckYourMailPage, ConfirmEmailPage, ForgotPasswordPage, ResetPasswordPage, SignUpPage, VerifyEmailPage,
};
use crate::apis::{DeskApiPage, DeskApisPage, NewApiPage};
use crate::audit_log::{AdminAuditPage, AuditPage};
use crate::docs::{ApiPage, DocsPage, ErrorPage, ErrorsPage, RestPage};
use crate::home::HomePage;
use crate::imports::{ImportPage, ImportsPage};
use crate::keys::{DeskKeyPage, DeskKeysPage, KeyPage, KeysPage, RevealPage};
use crate::layout::provide_frame;
use crate::leaks::{DeskLeaksPage, LeakCheckPage, LeaksDocsPage};
use crate::not_found::NotFoundPage;
use crate::organizations::{
    DeskOrganizationPage, InvitePage, NewOrganizationPage, OrganizationPage, VerifyContactPage,
};
use crate::overview::OverviewPage;
use crate::plans::PlanPage;
use crate::policies::{PrivacyPage, TermsPage};
use crate::recovery::{CancelRecoveryPage, FinishRecoveryPage, LostAccessPage, RecoveryCodesPage, StartRecoveryPage};
use crate::request_logs::{AdminLogsPage, LogsPage};
use crate::security::SecurityPage;
use crate::sessions::{RecoveryCodePage, SignInPage, StepUpPage};
use crate::staff::{AccountPage, AccountsPage};
use crate::subscriptions::{DeskSubscriptionPage, OwnApiPage, OwnApisPage};
use crate::usage::UsagePage;

/// Pages are answered whole, not in parts that a script puts in place: they must be complete without one.
const WHOLE: SsrMode = SsrMode::Async;

/// What both have: the portal's name, who is signed in, and how titles end.
fn begin() -> AnyView {
    provide_meta_context();
    provide_frame();
    let title = |title: String| {
        if title.is_empty() { "Countersign".to_owned() } else { format!("{title} · Countersign") }
    };
    view! { <Title formatter=title/> }.into_any()
}

/// Live pages: the program that runs in the browser, and on the server to draw the first view. Each is listed in
/// [`crate::paths::LIVE`] too, by which the server chooses; any other address is loaded whole and never gets here.
#[component]
#[must_use]
pub fn App() -> impl IntoView {
    view! {
        {begin()}
        <Router>
            <Routes fallback=|| ()>
                <Route path=path!("/console") view=OverviewPage ssr=WHOLE/>
                <Route path=path!("/console/keys") view=KeysPage ssr=WHOLE/>
                <Route path=path!("/console/logs") view=LogsPage ssr=WHOLE/>
                <Route path=path!("/console/usage") view=UsagePage ssr=WHOLE/>
                <Route path=path!("/admin/logs") view=AdminLogsPage ssr=WHOLE/>
            </Routes>
        </Router>
    }
}

/// Served pages, and the answer to addresses without a page.
#[component]
#[must_use]
pub fn Site() -> impl IntoView {
    view! {
        {begin()}
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/") view=HomePage ssr=WHOLE/>
                <Route path=path!("/docs") view=DocsPage ssr=WHOLE/>
                <Route path=path!("/docs/errors") view=ErrorsPage ssr=WHOLE/>
                <Route path=path!("/docs/errors/:code") view=ErrorPage ssr=WHOLE/>
                <Route path=path!("/docs/api") view=RestPage ssr=WHOLE/>
                <Route path=path!("/docs/leaks") view=LeaksDocsPage ssr=WHOLE/>
                <Route path=path!("/leak-check") view=LeakCheckPage ssr=WHOLE/>
                <Route path=path!("/docs/:api") view=ApiPage ssr=WHOLE/>
                <Route path=path!("/sign-up") view=SignUpPage ssr=WHOLE/>
                <Route path=path!("/sign-up/check-your-mail") view=CheckYourMailPage ssr=WHOLE/>
                <Route path=path!("/verify-email") view=VerifyEmailPage ssr=WHOLE/>
                <Route path=path!("/sign-in") view=SignInPage ssr=WHOLE/>
                <Route path=path!("/recovery-codes") view=RecoveryCodePage ssr=WHOLE/>
                <Route path=path!("/step-up") view=StepUpPage ssr=WHOLE/>
                <Route path=path!("/forgot-password") view=ForgotPasswordPage ssr=WHOLE/>
                <Route path=path!("/reset-password") view=ResetPasswordPage ssr=WHOLE/>
                <Route path=path!("/confirm-email") view=ConfirmEmailPage ssr=WHOLE/>
                <Route path=path!("/lost-access") view=LostAccessPage ssr=WHOLE/>
                <Route path=path!("/recover") view=StartRecoveryPage ssr=WHOLE/>
                <Route path=path!("/recover/finish") view=FinishRecoveryPage ssr=WHOLE/>
                <Route path=path!("/recover/cancel") view=CancelRecoveryPage ssr=WHOLE/>
                <Route path=path!("/console/organization") view=OrganizationPage ssr=WHOLE/>
                <Route path=path!("/console/organization/new") view=NewOrganizationPage ssr=WHOLE/>
                <Route path=path!("/invite") view=InvitePage ssr=WHOLE/>
                <Route path=path!("/verify-contact") view=VerifyContactPage ssr=WHOLE/>
                <Route path=path!("/console/keys/:id") view=KeyPage ssr=WHOLE/>
                <Route path=path!("/console/apis") view=OwnApisPage ssr=WHOLE/>
                <Route path=path!("/console/apis/:api") view=OwnApiPage ssr=WHOLE/>
                <Route path=path!("/console/tokens") view=TokensPage ssr=WHOLE/>
                <Route path=path!("/console/security") view=SecurityPage ssr=WHOLE/>
                <Route path=path!("/console/security/recovery-codes") view=RecoveryCodesPage ssr=WHOLE/>
                <Route path=path!("/console/audit") view=AuditPage ssr=WHOLE/>
                <Route path=path!("/admin/accounts") view=AccountsPage ssr=WHOLE/>
                <Route path=path!("/admin/accounts/:id") view=AccountPage ssr=WHOLE/>
                <Route path=path!("/admin/keys") view=DeskKeysPage ssr=WHOLE/>
                <Route path=path!("/admin/keys/:id") view=DeskKeyPage ssr=WHOLE/>
                <Route path=path!("/admin/imports") view=ImportsPage ssr=WHOLE/>
                <Route path=path!("/admin/imports/:id") view=ImportPage ssr=WHOLE/>
                <Route path=path!("/admin/leaks") view=DeskLeaksPage ssr=WHOLE/>
                <Route path=path!("/admin/apis") view=DeskApisPage ssr=WHOLE/>
                <Route path=path!("/admin/apis/new") view=NewApiPage ssr=WHOLE/>
                <Route path=path!("/admin/apis/:api") view=DeskApiPage ssr=WHOLE/>
                <Route path=path!("/admin/apis/:api/plans/:plan") view=PlanPage ssr=WHOLE/>
                <Route path=path!("/admin/apis/:api/subscriptions/:subscription") view=DeskSubscriptionPage ssr=WHOLE/>
                <Route path=path!("/admin/organizations/:id") view=DeskOrganizationPage ssr=WHOLE/>
                <Route path=path!("/admin/audit") view=AdminAuditPage ssr=WHOLE/>
                <Route path=path!("/reveal") view=RevealPage ssr=WHOLE/>
                <Route path=path!("/privacy") view=PrivacyPage ssr=WHOLE/>
                <Route path=path!("/terms") view=TermsPage ssr=WHOLE/>
            </Routes>
        </Router>
    }
}
