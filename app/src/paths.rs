//! Typed links: the only place where an address of a page is spelt.

use contract::staff::LookPurpose;
use contract::{AccountId, ImportId, KeyId, OrganizationId, SubscriptionId};

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
/// Getting back in: a new password, a recovery code, a recovery by mail.
pub const LOST_ACCESS: &str = "/lost-access";
/// Signing in with a recovery code.
pub const USE_RECOVERY_CODE: &str = "/recovery-codes";
/// Asking for a link that sets a new password.
pub const FORGOT_PASSWORD: &str = "/forgot-password";
/// Using a link that sets a new password.
pub const RESET: &str = "/reset-password";
/// Using a link that starts a recovery.
pub const RECOVER: &str = "/recover";
/// Using a link that completes a recovery.
pub const FINISH_RECOVERY: &str = "/recover/finish";
/// Using a link that cancels a recovery.
pub const CANCEL_RECOVERY: &str = "/recover/cancel";
/// Using a link with which an address agrees to a change.
pub const CONFIRM_EMAIL: &str = "/confirm-email";
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
/// APIs, and what the organization has of each.
pub const OWN_APIS: &str = "/console/apis";
/// Access tokens of the REST API. Its form makes one, and is answered with the page that shows it.
pub const TOKENS: &str = "/console/tokens";
/// The REST API.
pub const REST_DOCS: &str = "/docs/api";
/// Passkeys, password, recovery codes, sessions, address.
pub const SECURITY: &str = "/console/security";
/// New recovery codes. Its form makes them, and is answered with the page that shows them, like that of a reveal link.
pub const RECOVERY_CODES: &str = "/console/security/recovery-codes";
/// Gives the codes that are shown there back as a file.
pub const RECOVERY_CODES_FILE: &str = "/console/security/recovery-codes/file";
/// The organization: what it says of itself, members, invitations, roles.
pub const ORGANIZATION: &str = "/console/organization";
/// Creating an organization.
pub const NEW_ORGANIZATION: &str = "/console/organization/new";
/// Using an invitation.
pub const INVITE: &str = "/invite";
/// Using a link that verifies the contact address of an organization.
pub const VERIFY_CONTACT: &str = "/verify-contact";
/// Confirming that it is still the same person.
pub const STEP_UP: &str = "/step-up";
/// Events of the organization.
pub const AUDIT: &str = "/console/audit";
/// The operator's live logs.
pub const ADMIN_LOGS: &str = "/admin/logs";
/// Finding an account, for staff.
pub const ADMIN_ACCOUNTS: &str = "/admin/accounts";
/// APIs and their plans, for staff.
pub const ADMIN_APIS: &str = "/admin/apis";
/// Docs of one API, as routes spell it. A call that is tried from them is sent there, and answered with the page.
pub const API_DOCS: &str = "/docs/{api}";
/// One API, for staff, as routes spell it. Its form for the OpenAPI document is sent there, and answered with the page.
pub const ADMIN_API: &str = "/admin/apis/{api}";
/// Registering an API.
pub const NEW_API: &str = "/admin/apis/new";
/// Finding a key, for staff.
pub const ADMIN_KEYS: &str = "/admin/keys";
/// Imports of keys, for staff. The form for another is sent there, and answered with the page.
pub const ADMIN_IMPORTS: &str = "/admin/imports";
/// Reports of leaked keys, for staff.
pub const ADMIN_LEAKS: &str = "/admin/leaks";
/// How leaked keys are found, and what happens then.
pub const LEAKS_DOCS: &str = "/docs/leaks";
/// The self-check: what a string is, and reporting it. Its form is answered with the page itself.
pub const LEAK_CHECK: &str = "/leak-check";
/// What secret scanners look for, as a document for programs.
pub const KEY_PATTERNS: &str = "/.well-known/key-patterns.json";
/// All events, for staff.
pub const ADMIN_AUDIT: &str = "/admin/audit";

/// Live pages, which the browser's program draws: the routes of [`crate::App`]. All others are loaded whole.
pub const LIVE: [&str; 5] = [CONSOLE, KEYS, LOGS, USAGE, ADMIN_LOGS];

/// Whether a path is that of a live page.
#[must_use]
pub fn is_live(path: &str) -> bool {
    LIVE.contains(&path)
}

/// Where the sign-out form is sent: a server function, posted natively so that the browser forgets everything it held.
pub const SIGN_OUT: &str = "/rpc/sessions/sign_out";

/// Where any page of the console can cancel a recovery: a server function, posted natively.
pub const CANCEL_MY_RECOVERY: &str = "/rpc/recovery/cancel_mine";

/// Where the switcher of organizations is sent, natively too: everything the page holds is of the one before.
pub const SWITCH_ORGANIZATION: &str = "/rpc/organizations/switch";

/// The organization's page, which says what was done.
#[must_use]
pub fn organization_after(done: &str) -> String {
    format!("{ORGANIZATION}?done={done}")
}

/// An invitation, for a page that leads back to it. What cannot be a token of ours is left out.
#[must_use]
pub fn invite(token: &str) -> String {
    let token: String = token.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{INVITE}?token={token}")
}

/// A page that leads on to another one of ours, whose address needs no more encoding than this.
#[must_use]
pub fn leading_to(page: &str, next: &str) -> String {
    format!("{page}?next={}", next.replace('?', "%3F").replace('=', "%3D").replace('&', "%26"))
}

/// One key.
#[must_use]
pub fn key(id: KeyId) -> String {
    format!("{KEYS}/{id}")
}

/// The same, after something was done to it.
#[must_use]
pub fn key_done(id: KeyId, done: &str) -> String {
    format!("{}?done={done}", key(id))
}

/// An account, for staff; without a purpose the page asks for one.
#[must_use]
pub fn account(id: AccountId, purpose: Option<LookPurpose>) -> String {
    let purpose = purpose.map(|purpose| format!("?purpose={}", purpose.word())).unwrap_or_default();
    format!("{ADMIN_ACCOUNTS}/{id}{purpose}")
}

/// The same, after something was done to it.
#[must_use]
pub fn account_done(id: AccountId, purpose: Option<LookPurpose>, done: &str) -> String {
    let joint = if purpose.is_some() { '&' } else { '?' };
    format!("{}{joint}done={done}", account(id, purpose))
}

/// A key, for staff; without a purpose the page asks for one.
#[must_use]
pub fn admin_key(id: KeyId, purpose: Option<LookPurpose>) -> String {
    let purpose = purpose.map(|purpose| format!("?purpose={}", purpose.word())).unwrap_or_default();
    format!("{ADMIN_KEYS}/{id}{purpose}")
}

/// The same, after something was done to it.
#[must_use]
pub fn admin_key_done(id: KeyId, purpose: Option<LookPurpose>, done: &str) -> String {
    let joint = if purpose.is_some() { '&' } else { '?' };
    format!("{}{joint}done={done}", admin_key(id, purpose))
}

/// An import, for staff.
#[must_use]
pub fn admin_import(id: ImportId) -> String {
    format!("{ADMIN_IMPORTS}/{id}")
}

/// The same, after it was made.
#[must_use]
pub fn admin_import_done(id: ImportId) -> String {
    format!("{}?done=imported", admin_import(id))
}

/// One API, for staff.
#[must_use]
pub fn admin_api(slug: &str) -> String {
    format!("{ADMIN_APIS}/{slug}")
}

/// The same, after something was done to it. What cannot be a slug of ours is left out.
#[must_use]
pub fn admin_api_done(slug: &str, done: &str) -> String {
    format!("{}?done={done}", admin_api(&slug_in(slug)))
}

/// A plan of an API, for staff; `new` for one that is not there yet.
#[must_use]
pub fn admin_plan(slug: &str, plan: &str) -> String {
    format!("{ADMIN_APIS}/{slug}/plans/{plan}")
}

/// A subscription to an API, for staff.
#[must_use]
pub fn admin_subscription(slug: &str, id: SubscriptionId) -> String {
    format!("{ADMIN_APIS}/{slug}/subscriptions/{id}")
}

/// An organization, for staff.
#[must_use]
pub fn admin_organization(id: OrganizationId) -> String {
    format!("/admin/organizations/{id}")
}

/// The same, after something was done to it.
#[must_use]
pub fn admin_organization_done(id: OrganizationId, done: &str) -> String {
    format!("{}?done={done}", admin_organization(id))
}

/// One API, with what the organization has of it.
#[must_use]
pub fn own_api(slug: &str) -> String {
    format!("{OWN_APIS}/{slug}")
}

/// The same, after something was asked for or left. What cannot be a slug of ours is left out.
#[must_use]
pub fn own_api_done(slug: &str, done: &str) -> String {
    format!("{}?done={done}", own_api(&slug_in(slug)))
}

fn slug_in(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-').collect()
}

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
