//! Labels that a key had, and getting one of them back.
//!
//! They are read out of the audit log, where each change of a label stands as personal text beside its event: nothing is
//! stored a second time. Once that text is erased, so is the history.
//!
//! A revoked key stays revoked, whoever did it and why: only labels come back.

use contract::audit_log::Action;
use contract::keys::Key;
use contract::keys::desk::PastLabel;
use contract::{KeyId, OrganizationId, Permission, Refusal};
use sea_orm::{ActiveModelTrait as _, ConnectionTrait, IntoActiveModel as _, Set};

use super::{KeyRecord, event, table};
use crate::{Op, Result, audit_log};

/// Labels that are shown at most.
const SHOWN: usize = 10;

/// How the change of a label stands in the audit log.
pub(super) fn text_of_change(before: &str, after: &str) -> String {
    format!("“{before}” → “{after}”")
}

/// The label before a change that led to this one. A label may hold quotes and arrows itself, so it is not enough to
/// look for them.
fn label_before<'a>(text: &'a str, after: &str) -> Option<&'a str> {
    text.strip_prefix('“')?.strip_suffix(&format!("” → “{after}”"))
}

async fn past<C: ConnectionTrait>(db: &C, organization: OrganizationId, key: &table::Model) -> Result<Vec<PastLabel>> {
    let changes = audit_log::texts_about(db, organization, &key.key().to_string(), Action::KeyChanged).await?;
    let mut labels: Vec<PastLabel> = Vec::new();
    let mut after = key.label.clone();
    for (seq, at, text) in changes {
        let Some(before) = label_before(&text, &after) else { break };
        labels.push(PastLabel { label: before.to_owned(), until: at, seq });
        after = before.to_owned();
    }
    // Each once, at its latest; and not the one that the key has.
    let mut seen = vec![key.label.clone()];
    labels.retain(|past| {
        let new = !seen.contains(&past.label);
        seen.push(past.label.clone());
        new
    });
    labels.truncate(SHOWN);
    Ok(labels)
}

/// The labels that a key had, the latest first, ten at most.
///
/// # Errors
/// [`Refusal::NotFound`] and those of [`Op::require`].
pub async fn past_labels(op: &Op, id: KeyId) -> Result<Vec<PastLabel>> {
    let organization = op.require(Permission::ReadKeys)?;
    let db = op.db().read();
    let key = table::find_in(db, organization, id).await?.ok_or(Refusal::NotFound)?;
    past(db, organization, &key).await
}

/// Gives a key a label back that it had: the one that the event at this place in the audit log took away. The gateway
/// knows it before this returns.
///
/// # Errors
/// [`Refusal::NotFound`] also where no label was changed; [`Refusal::KeyIsRevoked`], and those of [`Op::require`].
pub async fn restore_label(op: &Op, id: KeyId, seq: i64) -> Result<Key> {
    let organization = op.require(Permission::CreateKeys)?;
    let turn = op.portal.change_key().await;
    let tx = op.begin().await?;
    let key = table::find_to_change(&tx, organization, id).await?.ok_or(Refusal::NotFound)?;
    if key.revoked_at.is_some() {
        return Err(Refusal::KeyIsRevoked.into());
    }
    let labels = past(&tx, organization, &key).await?;
    let label = labels.into_iter().find(|past| past.seq == seq).ok_or(Refusal::NotFound)?.label;
    let event = event(Action::KeyChanged, &key)
        .detail("changed", "label")
        .detail("restored", seq)
        .personal(text_of_change(&key.label, &label));
    let mut key = key.into_active_model();
    key.label = Set(label);
    let key = key.update(&tx).await?;
    let record = KeyRecord::read(&op.portal, &tx, &key, &op.person()?.organization.name, Vec::new()).await?;
    audit_log::record(&tx, op, event).await?;
    op.commit_key(tx, turn, record).await?;
    Ok(key.into_key(Vec::new(), op.now_ms()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use chrono::{DateTime, TimeDelta, Utc};
    use contract::Role;
    use contract::keys::terms::TypedTerms;

    use super::*;
    use crate::SignedIn;
    use crate::keys::{change_terms, revoke};
    use crate::testing::{self, TestPortal, at, refusal};

    fn after(seconds: i64) -> DateTime<Utc> {
        at(TimeDelta::seconds(seconds))
    }

    async fn call_it(test: &TestPortal, owner: &SignedIn, key: KeyId, label: &str, now: DateTime<Utc>) {
        let typed = TypedTerms { label: label.to_owned(), ..TypedTerms::default() };
        change_terms(&test.op(owner, now), key, &typed).await.unwrap();
    }

    fn names(labels: &[PastLabel]) -> Vec<&str> {
        labels.iter().map(|past| past.label.as_str()).collect()
    }

    #[tokio::test]
    async fn a_label_that_was_changed_by_mistake_comes_back() {
        let test = testing::portal().await;
        let ada = test.sign_up_and_verify("Ada").await;
        let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
        // With quotes and an arrow, as a person may write them.
        for (label, second) in [("A ” → “ B", 20), ("Oops", 30)] {
            call_it(&test, &ada, key.id, label, after(second)).await;
        }
        let typed = TypedTerms { label: "Oops".to_owned(), note: "A note".to_owned(), ..TypedTerms::default() };
        change_terms(&test.op(&ada, after(35)), key.id, &typed).await.unwrap();
        test.watcher.take();

        let op = test.op(&ada, after(40));
        let labels = past_labels(&op, key.id).await.unwrap();
        assert_eq!(names(&labels), ["A ” → “ B", "Server"]);
        assert_eq!(labels[1].until, after(20).timestamp_millis());
        let restored = restore_label(&op, key.id, labels[1].seq).await.unwrap();
        assert_eq!(restored.label, "Server");
        assert_eq!(test.watcher.take()[0].caller.key_label, "Server");
        // Itself a change, so what was restored can be undone, too.
        assert_eq!(names(&past_labels(&op, key.id).await.unwrap()), ["Oops", "A ” → “ B"]);
        assert_eq!(refusal(restore_label(&op, key.id, labels[1].seq).await), Refusal::NotFound);
        assert_eq!(refusal(restore_label(&op, key.id, 1).await), Refusal::NotFound);

        revoke(&op, key.id).await.unwrap();
        let newest = past_labels(&op, key.id).await.unwrap()[0].seq;
        assert_eq!(refusal(restore_label(&op, key.id, newest).await), Refusal::KeyIsRevoked);
    }

    #[tokio::test]
    async fn only_those_who_may_change_a_key_of_their_own_restore_its_label() {
        let test = testing::portal().await;
        let ada = test.sign_up_and_verify("Ada").await;
        let eve = test.sign_up_and_verify("Eve").await;
        let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
        call_it(&test, &ada, key.id, "Oops", after(20)).await;
        let seq = past_labels(&test.op(&ada, after(30)), key.id).await.unwrap()[0].seq;
        assert_eq!(refusal(past_labels(&test.op(&eve, after(30)), key.id).await), Refusal::NotFound);
        assert_eq!(refusal(restore_label(&test.op(&eve, after(30)), key.id, seq).await), Refusal::NotFound);
        let mut viewer = ada.clone();
        viewer.organization.role = Role::Viewer;
        assert_eq!(refusal(restore_label(&test.op(&viewer, after(30)), key.id, seq).await), Refusal::NotAllowed);
    }

    #[tokio::test]
    async fn a_label_whose_text_was_erased_is_forgotten() {
        let test = testing::portal().await;
        let ada = test.sign_up_and_verify("Ada").await;
        let (key, _) = test.revealed_key(&ada, "Server", after(10)).await;
        for (label, second) in [("Second", 20), ("Third", 30), ("Fourth", 40)] {
            call_it(&test, &ada, key.id, label, after(second)).await;
        }
        let op = test.op(&ada, after(50));
        let labels = past_labels(&op, key.id).await.unwrap();
        assert_eq!(names(&labels), ["Third", "Second", "Server"]);
        test.sql(&format!("DELETE FROM audit_personal WHERE seq = {}", labels[1].seq)).await;
        assert_eq!(names(&past_labels(&op, key.id).await.unwrap()), ["Third"]);
    }
}
