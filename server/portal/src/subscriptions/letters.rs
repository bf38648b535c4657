//! The mails that say what became of a request for a plan.

use sea_orm::EntityTrait as _;

use super::table::Model;
use crate::mail::{self, Button, Letter};
use crate::{Op, Result, Tx, accounts, apis, organizations, plans};

/// Says that the plan counts from now on.
pub(super) async fn approved(
    tx: &Tx,
    op: &Op,
    row: &Model,
    api: &apis::table::Model,
    plan: &plans::table::Model,
) -> Result<()> {
    let gives = contract::plans::gives(plan.limit(), plan.quota());
    let subject = format!("Your plan for {} is approved", api.name);
    let what = |organization: &str| {
        format!(
            "{organization} has the plan “{}” of {} from now on: {gives}. Nothing else changes; your keys work as before.",
            plan.name, api.name
        )
    };
    tell(tx, op, row, api, "plan_approved", subject, what, "You can leave the plan at any time on the page of the API.")
        .await
}

/// Says that it does not, and why.
pub(super) async fn rejected(
    tx: &Tx,
    op: &Op,
    row: &Model,
    api: &apis::table::Model,
    plan: &plans::table::Model,
    reason: &str,
) -> Result<()> {
    let subject = format!("Your request for {} is rejected", api.name);
    let what = |organization: &str| {
        format!(
            "The request of {organization} for the plan “{}” of {} is rejected. The reason: {reason}",
            plan.name, api.name
        )
    };
    tell(
        tx,
        op,
        row,
        api,
        "plan_rejected",
        subject,
        what,
        "What you had before goes on. You can ask again on the page of the API.",
    )
    .await
}

/// Says that staff gave a plan, to the owners of the organization.
pub(super) async fn given(
    tx: &Tx,
    op: &Op,
    organization: &organizations::table::Model,
    api: &apis::table::Model,
    plan: &plans::table::Model,
) -> Result<()> {
    let gives = contract::plans::gives(plan.limit(), plan.quota());
    let what = format!("{} has the plan “{}” of {} from now on: {gives}.", organization.name, plan.name, api.name);
    for owner in organizations::members::owners(tx, organization.organization()).await? {
        let letter = Letter {
            kind: "plan_given",
            to: owner.email.clone(),
            account: Some(owner.account()),
            subject: format!("A plan for {}", api.name),
            name: owner.name.clone(),
            paragraphs: vec![what.clone(), "Nothing else changes; your keys work as before.".to_owned()],
            button: Some(Button {
                label: "Open the API".to_owned(),
                url: format!("{}/console/apis/{}", op.portal.settings().public_url, api.slug),
            }),
            reason: "You get this mail because you own the organization.".to_owned(),
        };
        mail::queue(tx, op, letter).await?;
    }
    Ok(())
}

/// Says that units were given, to the owners of the organization.
pub(super) async fn topped_up(
    tx: &Tx,
    op: &Op,
    row: &Model,
    api: &apis::table::Model,
    units: i64,
    reason: &str,
) -> Result<()> {
    let organization = organizations::table::Entity::find_by_id(row.organization_id).one(tx).await?;
    let organization = organization.map(|organization| organization.name).unwrap_or_default();
    let portal = op.portal.settings();
    for owner in organizations::members::owners(tx, row.organization()).await? {
        let given = format!("{organization} was given {units} units for {}, once. The reason: {reason}", api.name);
        let then = "They are spent after what the plan gives in a period.";
        let letter = Letter {
            kind: "topped_up",
            to: owner.email.clone(),
            account: Some(owner.account()),
            subject: format!("{units} more units for {}", api.name),
            name: owner.name.clone(),
            paragraphs: vec![given, then.to_owned()],
            button: Some(Button {
                label: "Open the API".to_owned(),
                url: format!("{}/console/apis/{}", portal.public_url, api.slug),
            }),
            reason: "You get this mail because you own the organization.".to_owned(),
        };
        mail::queue(tx, op, letter).await?;
    }
    Ok(())
}

/// To who asked, for as long as they have an account.
#[expect(clippy::too_many_arguments, reason = "the parts of one letter; each is used once")]
async fn tell(
    tx: &Tx,
    op: &Op,
    row: &Model,
    api: &apis::table::Model,
    kind: &'static str,
    subject: String,
    what: impl Fn(&str) -> String,
    then: &str,
) -> Result<()> {
    let Some(asker) = row.requested_by else { return Ok(()) };
    let Some(account) = accounts::table::Entity::find_by_id(asker).one(tx).await? else { return Ok(()) };
    let organization = organizations::table::Entity::find_by_id(row.organization_id).one(tx).await?;
    let organization = organization.map(|organization| organization.name).unwrap_or_default();
    let portal = op.portal.settings();
    let letter = Letter {
        kind,
        to: account.email.clone(),
        account: Some(account.account()),
        subject,
        name: account.name.clone(),
        paragraphs: vec![what(&organization), then.to_owned()],
        button: Some(Button {
            label: "Open the API".to_owned(),
            url: format!("{}/console/apis/{}", portal.public_url, api.slug),
        }),
        reason: "You get this mail because you asked for the plan.".to_owned(),
    };
    mail::queue(tx, op, letter).await?;
    Ok(())
}
