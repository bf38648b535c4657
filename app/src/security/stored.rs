//! What is stored about the account: the rows of the register, each with its value.

use contract::accounts::Security;
use contract::policies::StoredItem;
use contract::recovery::WaitingRecovery;
use leptos::prelude::*;

use crate::error::AppError;
use crate::paths;
use crate::ui::format::{counted, date, date_and_time};
use crate::ui::{Card, Failure};

/// A table of everything of the categories "account" and "sign-in".
pub(super) fn stored(security: &Security, items: Result<Vec<StoredItem>, AppError>) -> AnyView {
    let items = match items {
        Ok(items) => items,
        Err(error) => return view! { <Failure error/> }.into_any(),
    };
    let count = counted(i64::try_from(items.len()).unwrap_or(i64::MAX), "entry", "entries");
    let rows: Vec<AnyView> = items
        .into_iter()
        .map(|item| {
            let value = value(security, &item.columns).unwrap_or_else(|| "not shown here".to_owned());
            view! {
                <div>
                    <dt>{item.what}</dt>
                    <dd>{value} <span class="block small muted">"Kept: " {item.retention}</span></dd>
                </div>
            }
            .into_any()
        })
        .collect();
    view! {
        <Card title="What is stored about your account" note="From the register, with your values">
            <details class="disclosure">
                <summary>"Show the " {count}</summary>
                <dl class="held mt-3">{rows}</dl>
                <p class="small muted mt-3">
                    "Why each is stored, and what is stored about keys, mails and requests: " <a class="link" href=paths::PRIVACY>"Privacy"</a>
                </p>
            </details>
        </Card>
    }
    .into_any()
}

/// The value behind an entry of the register, known by its first column.
fn value(security: &Security, columns: &[String]) -> Option<String> {
    let (table, column) = columns.first()?.split_once('.')?;
    let none = || "none".to_owned();
    let moment = |at: Option<_>| at.map_or_else(none, date_and_time);
    let list = |texts: Vec<String>| if texts.is_empty() { none() } else { texts.join("; ") };
    let count = |length: usize, one, many| {
        if length == 0 { none() } else { counted(i64::try_from(length).unwrap_or(i64::MAX), one, many) }
    };
    let value = match (table, column) {
        ("accounts", "id") => security.account.to_string(),
        ("accounts", "name") => security.name.clone(),
        ("accounts", "email") => security.email.clone(),
        ("accounts", "email_verified_at") => moment(security.email_verified_at),
        ("accounts", "password_hash") => if security.has_password { "a hash" } else { "none" }.to_owned(),
        ("accounts", "state") => security.state.label().to_lowercase(),
        ("accounts", "state_reason") => security.state_reason.clone().unwrap_or_else(none),
        ("accounts", "created_at") => date_and_time(security.created_at),
        ("accounts", "last_sign_in_at") => moment(security.last_sign_in_at),
        ("accounts", "passkey_handle") => "a random number".to_owned(),
        ("policy_acceptances", _) => list(
            security
                .acceptances
                .iter()
                .map(|given| {
                    format!("{} of {}, accepted {}", given.document, given.version, date_and_time(given.accepted_at))
                })
                .collect(),
        ),
        ("staff", _) => security.staff.map_or_else(none, |role| role.word().to_owned()),
        // What only a browser or a mail holds can be stored as a hash alone.
        (
            "sessions" | "devices" | "access_tokens" | "mail_links" | "spent_links" | "recovery_codes",
            "token_hash" | "code_hash" | "hash",
        ) => "hashes: they tell nothing".to_owned(),
        ("sessions", _) => count(security.sessions.len(), "session, listed above", "sessions, listed above"),
        ("devices", _) => list(
            security
                .devices
                .iter()
                .map(|device| format!("{}, last {}", device.label, date(device.last_seen_at)))
                .collect(),
        ),
        ("access_tokens", "hint") => count(security.access_tokens.len(), "hint", "hints"),
        ("access_tokens", "last_used_at") => "shown with the tokens".to_owned(),
        ("access_tokens", _) => list(security.access_tokens.clone()),
        ("idempotent_requests", "key_hash") => "hashes: they tell nothing".to_owned(),
        ("idempotent_requests", _) => "answers of the last day, if a program asked for that".to_owned(),
        ("passkeys", "credential_id" | "credential") => {
            count(security.passkeys.len(), "passkey’s public data", "passkeys’ public data")
        }
        ("passkeys", _) => list(security.passkeys.iter().map(|passkey| passkey.name.clone()).collect()),
        ("recovery_codes", _) => format!("{} left", security.recovery_codes_left),
        ("recoveries", _) => security.recovery.as_ref().map_or_else(none, waiting),
        ("email_changes", _) => security.email_change.as_ref().map_or_else(none, |change| change.new.clone()),
        ("ceremonies", _) => "only while a passkey is asked".to_owned(),
        ("mail_links", _) => "those in the mails that we sent you".to_owned(),
        _ => return None,
    };
    Some(value)
}

fn waiting(recovery: &WaitingRecovery) -> String {
    format!(
        "started {}, can be completed from {} on",
        date_and_time(recovery.started_at),
        date_and_time(recovery.ready_at)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use contract::accounts::AccountState;

    use super::*;

    /// Claims: MAST-14
    #[test]
    fn the_security_page_has_a_value_for_every_entry_of_the_register_about_the_account() {
        let security = Security {
            account: "acc_00000000000000000000000000".parse().unwrap(),
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
            email_verified_at: None,
            state: AccountState::Active,
            state_reason: None,
            created_at: 0,
            last_sign_in_at: None,
            acceptances: Vec::new(),
            staff: None,
            has_password: true,
            passkeys_available: true,
            passkeys: Vec::new(),
            recovery_codes_left: 0,
            sessions: Vec::new(),
            devices: Vec::new(),
            access_tokens: Vec::new(),
            email_change: None,
            recovery: None,
            confirmed_until: None,
        };
        let missing: Vec<String> = portal::privacy::policy()
            .categories
            .into_iter()
            .filter(|category| ["account", "sign_in"].contains(&category.word.as_str()))
            .flat_map(|category| category.items)
            .filter(|item| value(&security, &item.columns).is_none())
            .map(|item| format!("{}: {:?}", item.what, item.columns))
            .collect();
        assert!(missing.is_empty(), "without a value: {missing:#?}");
    }
}
