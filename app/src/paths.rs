//! Typed links: the only place where an address of a page is spelt.

/// The public front page.
pub const HOME: &str = "/";
/// The list of APIs.
pub const DOCS: &str = "/docs";
/// The catalogue of refusals.
pub const ERRORS: &str = "/docs/errors";
/// Creating an account.
pub const SIGN_UP: &str = "/sign-up";
/// Signing in.
pub const SIGN_IN: &str = "/sign-in";
/// What is stored, why, and until when.
pub const PRIVACY: &str = "/privacy";
/// After signing up.
pub const CHECK_YOUR_MAIL: &str = "/sign-up/check-your-mail";
/// Using a verification link.
pub const VERIFY_EMAIL: &str = "/verify-email";
/// Using a reveal link.
pub const REVEAL: &str = "/reveal";
/// The terms.
pub const TERMS: &str = "/terms";
/// The console's overview.
pub const CONSOLE: &str = "/console";
/// Keys of the organization.
pub const KEYS: &str = "/console/keys";
/// Request logs of the organization.
pub const LOGS: &str = "/console/logs";
/// Usage of the organization.
pub const USAGE: &str = "/console/usage";
/// The operator's live logs.
pub const ADMIN_LOGS: &str = "/admin/logs";

/// Where the sign-out form is sent: a server function, posted natively so that the browser forgets everything it held.
pub const SIGN_OUT: &str = "/rpc/sessions/sign_out";

/// Docs of one API.
#[must_use]
pub fn api(slug: &str) -> String {
    format!("{DOCS}/{slug}")
}

/// What a refusal means and how to mend it.
#[must_use]
pub fn error(code: &str) -> String {
    format!("{ERRORS}/{code}")
}

/// A page, limited to one environment.
#[must_use]
pub fn in_environment(path: &str, environment: contract::Environment) -> String {
    format!("{path}?environment={}", environment.word())
}
