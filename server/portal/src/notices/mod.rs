//! Security notices: a mail for each change by which somebody could get into an account, or lose it. Each says what
//! happened, when, from where as far as we know, and how to undo it.

use contract::Role;
use contract::sessions::Factor;

use crate::accounts::table::Model;
use crate::mail::{self, Button, Letter};
use crate::{Op, Result, Tx};

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// A sign-in with a browser that the account never used.
    NewDevice { device: String, factor: Factor },
    /// A password was set or changed.
    PasswordSet,
    /// The password was removed.
    PasswordRemoved,
    /// A passkey was added.
    PasskeyAdded { name: String },
    /// A passkey was removed.
    PasskeyRemoved { name: String },
    /// A passkey answered as a copy would: it was refused, and is not accepted any more.
    PasskeySuspended { name: String },
    /// A passkey changed what it says of being copied between devices.
    PasskeyBackupChanged { name: String, backed_up: bool },
    /// An access token was made.
    TokenCreated { name: String, may: String },
    /// An access token was seen in public and revoked.
    TokenLeaked { name: String, place: Option<String> },
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// A recovery code was used.
    RecoveryCodeUsed { left: u64 },
    /// A recovery by mail waits; the link cancels it.
    RecoveryStarted { ready: String, cancel_url: String },
    /// It was cancelled.
    RecoveryCancelled,
    /// It was completed.
    RecoveryCompleted,
    /// The address was changed; told to the old one.
    EmailChanged,
    /// The role in an organization was changed.
    RoleChanged { organization: String, role: Role },
    /// The person was removed from an organization.
    RemovedFrom { organization: String },
    /// The person is an owner now.
    HandedOver { organization: String },
    /// Staff restricted the account.
    Restricted { reason: String },
    /// Staff suspended the account.
    Suspended { reason: String },
    /// Staff restored the account.
    Restored,
}

/// Queues the mail, in the transaction of the change.
pub(crate) async fn send(tx: &Tx, op: &Op, account: &Model, notice: Notice) -> Result<()> {
    let portal = op.portal.settings();
    let page = |path: &str| format!("{}{path}", portal.public_url);
    let security = || Button { label: "Open security".to_owned(), url: page("/console/security") };
    let (kind, subject, what, undo, button) = words(notice, security, page);
    let when = op.now.format("%-d %B %Y, %H:%M UTC");
    let from = if op.browser.label.is_empty() { String::new() } else { format!(", from {}", op.browser.label) };
    let letter = Letter {
        kind,
        to: account.email.clone(),
        account: Some(account.account()),
        subject: format!("{subject} ({})", portal.name),
        name: account.name.clone(),
        paragraphs: vec![what, format!("When: {when}{from}."), undo],
        button: Some(button),
        reason: "You get this mail because it concerns who can get into your account. It cannot be switched off."
            .to_owned(),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}

type Words = (&'static str, String, String, String, Button);

fn words(notice: Notice, security: impl Fn() -> Button, page: impl Fn(&str) -> String) -> Words {
    // Whoever did not do it needs one way that works even if the password is known to somebody else.
    const NOT_YOU: &str = "If this was not you, open the security page, end all other sessions and remove what you do not know. If you cannot sign in, use “Lost access” on the sign-in page.";
    let not_you = || NOT_YOU.to_owned();
    match notice {
        Notice::NewDevice { device, factor } => {
            let device = if device.is_empty() { "a browser that does not say what it is".to_owned() } else { device };
            (
                "new_device",
                "New sign-in to your account".to_owned(),
                format!("Somebody signed in to your account with {device}, using a {}. This browser was not used with your account before.", factor.label()),
                not_you(),
                security(),
            )
        }
        Notice::PasswordSet => (
            "password_set",
            "Your password was changed".to_owned(),
            "A new password was set for your account. All other sessions were ended.".to_owned(),
            not_you(),
            security(),
        ),
        Notice::PasswordRemoved => (
            "password_removed",
            "Your password was removed".to_owned(),
            "The password of your account was removed. Passkeys are the way in now.".to_owned(),
            not_you(),
            security(),
        ),
        Notice::PasskeyAdded { name } => (
            "passkey_added",
            "A passkey was added to your account".to_owned(),
            format!("The passkey “{name}” can sign in to your account now."),
            not_you(),
            security(),
        ),
        Notice::PasskeyRemoved { name } => (
            "passkey_removed",
            "A passkey was removed from your account".to_owned(),
            format!("The passkey “{name}” cannot sign in any more. All other sessions were ended."),
            not_you(),
            security(),
        ),
        Notice::PasskeySuspended { name } => (
            "passkey_suspended",
            "A passkey was refused".to_owned(),
            format!("The passkey “{name}” answered as a copy of it would. We refused it, do not accept it any more, and ended all sessions."),
            "Sign in another way, remove this passkey and add a new one. If you did not restore the device from a backup, somebody may have copied it.".to_owned(),
            security(),
        ),
        Notice::PasskeyBackupChanged { name, backed_up } => (
            "passkey_backup_changed",
            if backed_up { "A passkey is copied between devices now" } else { "A passkey is not copied between devices any more" }.to_owned(),
            format!(
                "The passkey “{name}” says that it is {}.",
                if backed_up { "kept by a password manager that copies it between your devices" } else { "on one device only" }
            ),
            "If you switched a password manager or its synchronisation, this is expected. If not, remove this passkey and add a new one.".to_owned(),
            security(),
        ),
        Notice::TokenCreated { name, may } => (
            "token_created",
            "An access token was created".to_owned(),
            format!("The access token “{name}” can act for you at the REST API now. It may: {may}."),
            "If this was not you, revoke it on the page of access tokens, then open the security page and end all other sessions.".to_owned(),
            Button { label: "Open access tokens".to_owned(), url: page("/console/tokens") },
        ),
        Notice::TokenLeaked { name, place } => (
            "token_leaked",
            "An access token of yours was seen in public".to_owned(),
            match place {
                Some(place) => format!("The access token “{name}” was seen in public at {place}. It was revoked at once: it opens nothing any more."),
                None => format!("The access token “{name}” was reported as leaked by somebody who has it. It was revoked at once: it opens nothing any more."),
            },
            "Look at the audit log for what was done with it. If a program needs one, make another and keep it where nobody else sees it.".to_owned(),
            Button { label: "Open access tokens".to_owned(), url: page("/console/tokens") },
        ),
        Notice::RecoveryCodesMade => (
            "recovery_codes_made",
            "New recovery codes".to_owned(),
            "Ten new recovery codes were made for your account. The old ones do not work any more.".to_owned(),
            not_you(),
            security(),
        ),
        Notice::RecoveryCodeUsed { left } => (
            "recovery_code_used",
            "A recovery code was used".to_owned(),
            format!("Somebody signed in to your account with a recovery code. Codes left: {left}."),
            not_you(),
            security(),
        ),
        Notice::RecoveryStarted { ready, cancel_url } => (
            "recovery_started",
            "Somebody asked to recover your account".to_owned(),
            format!("Somebody who can read your mail asked to get into your account without its passkey or password. Nothing happens before {ready}; then we send another mail, with which new ones can be set."),
            "If this was not you, cancel it with the button. Then secure your mailbox: whoever asked could read your mail.".to_owned(),
            Button { label: "Cancel the recovery".to_owned(), url: cancel_url },
        ),
        Notice::RecoveryCancelled => (
            "recovery_cancelled",
            "The recovery was cancelled".to_owned(),
            "The recovery of your account was cancelled. Nothing was changed.".to_owned(),
            "If it was not you who asked for it, secure your mailbox.".to_owned(),
            security(),
        ),
        Notice::RecoveryCompleted => (
            "recovery_completed",
            "Your account was recovered".to_owned(),
            "A new password was set by a recovery. All passkeys, recovery codes and sessions from before are gone.".to_owned(),
            "If this was not you, answer this mail at once.".to_owned(),
            security(),
        ),
        Notice::EmailChanged => (
            "email_changed",
            "The address of your account was changed".to_owned(),
            "Your account has another address now, after both addresses confirmed it. This is the last mail to this one.".to_owned(),
            "If this was not you, answer this mail at once.".to_owned(),
            security(),
        ),
        Notice::RoleChanged { organization, role } => (
            "role_changed",
            format!("Your role in {organization} was changed"),
            format!("You are {} in {organization} now: {}. Sessions in which you worked there were ended.", role.label(), role.summary()),
            "If you did not expect this, ask an owner of the organization.".to_owned(),
            Button { label: "Open the organization".to_owned(), url: page("/console/organization") },
        ),
        Notice::RemovedFrom { organization } => (
            "removed_from_organization",
            format!("You were removed from {organization}"),
            format!("You do not belong to {organization} any more. Its keys stay with it; what you own yourself stays with you."),
            "If you did not expect this, ask an owner of the organization.".to_owned(),
            Button { label: "Open the console".to_owned(), url: page("/console") },
        ),
        Notice::HandedOver { organization } => (
            "organization_handed_over",
            format!("{organization} is yours now"),
            format!("You are the owner of {organization} now."),
            "If you did not expect this, ask the owner before you, or leave the organization after handing it over.".to_owned(),
            Button { label: "Open the organization".to_owned(), url: page("/console/organization") },
        ),
        Notice::Restricted { reason } => (
            "account_restricted",
            "Your account was restricted".to_owned(),
            format!("The operator restricted your account. You can sign in and look, and change nothing; your keys rest. The reason: {reason}"),
            "Answer this mail to object, or to ask what would lift it.".to_owned(),
            Button { label: "Open the console".to_owned(), url: page("/console") },
        ),
        Notice::Suspended { reason } => (
            "account_suspended",
            "Your account was suspended".to_owned(),
            format!("The operator suspended your account. You cannot sign in, and your keys rest. The reason: {reason}"),
            "Answer this mail to object, or to ask what would lift it.".to_owned(),
            Button { label: "Read the terms".to_owned(), url: page("/terms") },
        ),
        Notice::Restored => (
            "account_restored",
            "Your account is in good standing again".to_owned(),
            "The operator lifted what was laid on your account. Your keys work again, unchanged.".to_owned(),
            "There is nothing to do.".to_owned(),
            Button { label: "Open the console".to_owned(), url: page("/console") },
        ),
    }
}
