//! `countersign demo`: everything on one machine, to look around. The sample API is real, every row comes from a real
//! call, and mails stay in the outbox, where `/dev/mailbox` shows them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use contract::StaffRole;
use contract::keys::Secret;
use portal::accounts::{NewAccount, Password};
use portal::apis::NewApi;
use portal::plans::NewPlan;
use portal::{Actor, Op, Portal};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::net::TcpListener;

use crate::clock;
use crate::config::{Overrides, Settings};
use crate::serve::{self, Parts, Show, system_op};

mod traffic;

/// The address of the staff account. `.test` names nobody (RFC 6761 §6.2).
const STAFF: &str = "operator@countersign.test";

/// First path segment of the sample API.
const SLUG: &str = "almanac";

/// The larger of its plans.
const PRO: &str = "Pro";

/// What a demo sets, whatever the settings say.
#[must_use]
pub fn overrides(overrides: Overrides) -> Overrides {
    overrides
        .set("mail.transport", "preview")
        .set("portal.name", "Almanac API")
        // The sample API is on this machine.
        .set("gateway.private_upstreams", "allowed")
        // The printed password opens the operator's desk.
        .set("staff.passkeys", "optional")
}

/// Runs it until it is asked to end.
///
/// # Errors
/// When something cannot be started.
pub async fn run(settings: Settings, with_traffic: bool) -> anyhow::Result<()> {
    let sample =
        TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.context("the sample API cannot listen")?;
    let upstream = format!("http://{}", sample.local_addr()?);
    let told = settings.clone();
    serve::run(settings, Show::Demo, async move |parts: Parts| {
        let ended = parts.shutdown.clone();
        let serving = axum::serve(sample, almanac::router(clock::now))
            .with_graceful_shutdown(async move { ended.cancelled().await });
        tokio::spawn(serving.into_future());
        register(&parts, upstream).await?;
        let password = staff_account(&parts.portal, &told.data.dir).await?;
        if with_traffic {
            let keys = traffic_keys(&parts.portal).await?;
            let target = traffic::TrafficTarget { gateway_url: format!("{}/{SLUG}", told.gateway.public_url), keys };
            tokio::spawn(traffic::run(target, parts.shutdown.clone()));
        }
        say(&told, &password, with_traffic);
        Ok(())
    })
    .await
}

async fn register(parts: &Parts, upstream_url: String) -> anyhow::Result<()> {
    let api = NewApi { slug: SLUG.to_owned(), upstream_url, openapi: almanac::openapi() };
    portal::apis::register(&system_op(&parts.portal), api).await?;
    register_plans(&parts.portal).await
}

/// A plan that everybody has, so that a first call needs no subscription, and a larger one to ask for. Made at the first
/// start; what staff change later stays.
async fn register_plans(portal: &Portal) -> anyhow::Result<()> {
    let known = portal::apis::load_all(portal.db()).await?;
    if known.iter().any(|api| api.slug == SLUG && api.has_plans) {
        return Ok(());
    }
    let op = system_op(portal);
    let free = NewPlan {
        summary: "To look around, and for small programs.".to_owned(),
        limit_requests: "60".to_owned(),
        quota_units: "10000".to_owned(),
        approval: "automatic".to_owned(),
        position: "1".to_owned(),
        ..plan("Free")
    };
    let pro = NewPlan {
        summary: "For programs that many people use.".to_owned(),
        limit_requests: "600".to_owned(),
        quota_units: "1000000".to_owned(),
        approval: "manual".to_owned(),
        position: "2".to_owned(),
        ..plan(PRO)
    };
    let free = portal::plans::create(&op, SLUG, free).await?;
    portal::plans::create(&op, SLUG, pro).await?;
    Ok(portal::apis::set_default_plan(&op, SLUG, free).await?)
}

/// What the plans have in common.
fn plan(name: &str) -> NewPlan {
    NewPlan {
        name: name.to_owned(),
        limit_seconds: "60".to_owned(),
        quota_period: "month".to_owned(),
        audience: "everybody".to_owned(),
        ..NewPlan::default()
    }
}

/// The traffic is more than what everybody has: its organizations ask for more, and get it.
async fn subscribe(portal: &Portal, op: &Op) -> anyhow::Result<()> {
    let page = portal::subscriptions::own_page(op, SLUG).await?;
    if let (None, Some(pro)) = (page.active, page.plans.iter().find(|plan| plan.name == PRO)) {
        let id = portal::subscriptions::request(op, pro.id, "The traffic of the demo.").await?;
        portal::subscriptions::approve(&system_op(portal), id).await?;
    }
    Ok(())
}

/// The staff account, with a new password at every start: it stands in a file for the owner only, and in no database.
async fn staff_account(portal: &Portal, data: &Path) -> anyhow::Result<SecretString> {
    let op = system_op(portal);
    let password = random_password()?;
    let new = NewAccount {
        name: "Demo operator".to_owned(),
        email: STAFF.to_owned(),
        password: Password::new(password.clone()),
        terms: String::new(),
    };
    portal::accounts::create_verified(&op, new).await?;
    portal::staff::add(&op, STAFF, StaffRole::Owner).await?;
    let file = data.join("demo.json");
    fs::write(&file, json!({ "staff": { "email": STAFF, "password": password } }).to_string())
        .with_context(|| format!("could not write {}", file.display()))?;
    #[cfg(unix)]
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(password.into())
}

/// 20 letters of 32 hold 100 bits, in groups that are easy to type.
fn random_password() -> anyhow::Result<String> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gives no randomness: {error}"))?;
    let letters = b"abcdefghijkmnpqrstuvwxyz23456789";
    let text: Vec<String> = bytes
        .chunks(5)
        .map(|group| group.iter().map(|byte| char::from(letters[usize::from(byte % 32)])).collect())
        .collect();
    Ok(text.join("-"))
}

/// Keys for the traffic: created and revealed as a person would, by the links in their mails.
async fn traffic_keys(portal: &Portal) -> anyhow::Result<Vec<Secret>> {
    let mut secrets = Vec::new();
    for (name, email, labels) in [
        ("Harbour Lights", "harbour@countersign.test", &["tide-board", "harbour-app"][..]),
        ("Night Sky Club", "nightsky@countersign.test", &["observatory"][..]),
    ] {
        let password = random_password()?;
        let new = NewAccount {
            name: name.to_owned(),
            email: email.to_owned(),
            password: Password::new(password.clone()),
            terms: String::new(),
        };
        portal::accounts::create_verified(&system_op(portal), new).await?;
        let token = portal::sessions::sign_in(&system_op(portal), email, &Password::new(password)).await?;
        let person = portal::sessions::resume(portal, token.session.reveal(), clock::now())
            .await?
            .context("the demo's account cannot sign in")?;
        // Secrets of an earlier start are not kept anywhere, so its keys are of no use to anyone.
        let op = portal.op(Actor::Account(Box::new(person.clone())), clock::now(), system_op(portal).request);
        subscribe(portal, &op).await?;
        for key in portal::keys::list(&op, None).await? {
            portal::keys::revoke(&op, key.id).await?;
        }
        for label in labels {
            let op = portal.op(Actor::Account(Box::new(person.clone())), clock::now(), system_op(portal).request);
            let new = portal::keys::NewKey {
                label: (*label).to_owned(),
                environment: "live".to_owned(),
                form_token: op.request.to_string(),
                expires_at: String::new(),
            };
            portal::keys::create(&op, new).await?;
            let link = newest_link(portal, email).await?;
            secrets.push(portal::keys::reveal(&op, &link).await?.secret);
        }
    }
    Ok(secrets)
}

/// The token of the newest reveal link in the mailbox of an address.
async fn newest_link(portal: &Portal, email: &str) -> anyhow::Result<String> {
    let mails = portal::mail::mailbox(portal.db()).await?;
    let link = mails
        .iter()
        .filter(|mail| mail.to == email)
        .flat_map(|mail| &mail.links)
        .find_map(|link| link.split_once("token="))
        .map(|(_, token)| token.to_owned());
    link.context("the demo's reveal mail is missing")
}

fn say(settings: &Settings, password: &SecretString, with_traffic: bool) {
    let (portal, gateway) = (&settings.portal.public_url, &settings.gateway.public_url);
    let more = if with_traffic {
        "Traffic is on: several programs call the API through the gateway."
    } else {
        "Add --traffic to have several programs call the API all the time."
    };
    println!(
        "
Countersign is running. To make your first call:

  1. Sign up            {portal}/sign-up
  2. Open your mail     {portal}/dev/mailbox
     It holds the verification link, and after it the link to your first key.
  3. Call the API       curl {gateway}/{SLUG}/v1/sun/lisbon -H \"Authorization: Bearer $API_KEY\"
  4. See the call       {portal}/console/logs

As the operator, watch everything arrive: {portal}/admin/logs
  email     {STAFF}
  password  {}

{more}
Ctrl-C ends it. Data is in {}.
",
        password.expose_secret(),
        settings.data.dir.display()
    );
}
