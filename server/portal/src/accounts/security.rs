//! Everything that concerns who can get into an account, and what is stored of its person.

use contract::Refusal;
use contract::accounts::{Acceptance, Device, Security};
use contract::sessions::STEP_UP_MS;
use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _};

use super::{acceptances, email_changes, table};
use crate::sessions::devices;
use crate::{Op, Result, access_tokens, passkeys, recovery, sessions};

/// What the security page shows of the person who asks.
///
/// # Errors
/// [`Refusal::NotSignedIn`].
pub async fn security(op: &Op) -> Result<Security> {
    let person = op.signed_in()?;
    let db = op.db().read();
    let account = table::Entity::find_by_id(person.account.uuid()).one(db).await?.ok_or(Refusal::NotSignedIn)?;
    let acceptances = acceptances::Entity::find()
        .filter(acceptances::COLUMN.account_id.eq(account.id))
        .order_by_desc(acceptances::COLUMN.id)
        .all(db)
        .await?;
    let devices = devices::Entity::find()
        .filter(devices::COLUMN.account_id.eq(account.id))
        .order_by_desc(devices::COLUMN.last_seen_at)
        .order_by_desc(devices::COLUMN.id)
        .all(db)
        .await?;
    let confirmed_until = match op.require_recent().await {
        Ok(person) => Some(person.authenticated_at + STEP_UP_MS),
        Err(crate::Error::Refused(_)) => None,
        Err(error) => return Err(error),
    };
    Ok(Security {
        account: person.account,
        state: account.state(),
        has_password: account.password_hash.is_some(),
        passkeys_available: passkeys::are_available(&op.portal),
        passkeys: passkeys::list(op).await?,
        recovery_codes_left: recovery::codes_left(db, person.account).await?,
        sessions: sessions::list(op).await?,
        access_tokens: access_tokens::names_of(db, person.account).await?,
        email_change: email_changes::pending(op, person.account).await?,
        recovery: recovery::waiting(db, person.account, op.now_ms()).await?,
        staff: person.staff,
        confirmed_until,
        acceptances: acceptances
            .into_iter()
            .map(|row| Acceptance { document: row.document, version: row.version, accepted_at: row.accepted_at })
            .collect(),
        devices: devices
            .into_iter()
            .map(|row| Device { label: row.label, created_at: row.created_at, last_seen_at: row.last_seen_at })
            .collect(),
        name: account.name,
        email: account.email,
        email_verified_at: account.email_verified_at,
        state_reason: account.state_reason,
        created_at: account.created_at,
        last_sign_in_at: account.last_sign_in_at,
    })
}
