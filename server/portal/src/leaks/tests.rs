#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use contract::audit_log::ActorKind;
use contract::keys::terms::{Rotation, TypedTerms};
use contract::keys::{Key, KeyState};
use contract::{Role, StaffRole};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;
use crate::keys::{NewRotation, change_terms as change_key, read, reveal, revoke, rotate};
use crate::privacy::retention::{self, Mode};
use crate::testing::{self, TestPortal, at, refusal};
use crate::{Scope, SignedIn};

const ADA: &str = "ada@example.com";
const URL: &str = "https://ada:pass@git.example/ada/site/blob/main/config.js?token=1#L3";
const PLACE: &str = "git.example/ada/site/blob/main/config.js";

fn after(seconds: i64) -> DateTime<Utc> {
    at(TimeDelta::seconds(seconds))
}

/// A programme, as an operator would list it.
struct Programme {
    pair: EcdsaKeyPair,
}

impl Programme {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        Self { pair }
    }

    fn listed(&self) -> ProgrammeKey {
        let start = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let mut info: Vec<u8> =
            (0..start.len() / 2).map(|at| u8::from_str_radix(&start[at * 2..at * 2 + 2], 16).unwrap()).collect();
        info.extend_from_slice(self.pair.public_key().as_ref());
        ProgrammeKey::parse(&format!("scanner:key-1:{}", STANDARD.encode(info))).unwrap()
    }

    fn sign(&self, body: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(&SystemRandom::new(), body).unwrap())
    }
}

/// A portal that knows a programme, and an API open to every key.
async fn house() -> (TestPortal, Programme) {
    let programme = Programme::new();
    let listed = programme.listed();
    let test = testing::portal_with(|settings| settings.leak_programmes = vec![listed]).await;
    test.register_api("weather").await;
    (test, programme)
}

impl TestPortal {
    async fn register_api(&self, slug: &str) {
        let openapi = json!({ "openapi": "3.1.0", "info": { "title": slug, "version": "1" }, "paths": {} });
        let new = apis::NewApi { slug: slug.to_owned(), upstream_url: "https://up.example".to_owned(), openapi };
        apis::register(&self.system(testing::start()), new).await.unwrap();
    }

    async fn set_policy(&self, slug: &str, policy: LeakPolicy, days: i64) {
        let word = policy.word();
        self.sql(&format!("UPDATE apis SET leak_policy = '{word}', leak_overlap_days = {days} WHERE slug = '{slug}'"))
            .await;
    }

    async fn report(&self, programme: &Programme, secret: &str, url: &str, now: DateTime<Utc>) -> Vec<Feedback> {
        let body = json!([{ "token": secret, "type": "cs_api_key", "url": url, "source": "content" }]).to_string();
        let op = self.anonymous(now);
        take_reports(&op, Some("key-1"), Some(&programme.sign(body.as_bytes())), body.as_bytes()).await.unwrap()
    }

    async fn subjects(&self, to: &str) -> Vec<String> {
        let mails = mails_of(self, to).await;
        mails.into_iter().map(|mail| mail.subject).collect()
    }
}

async fn mails_of(test: &TestPortal, to: &str) -> Vec<crate::mail::MailboxEntry> {
    crate::mail::mailbox(test.portal.db()).await.unwrap().into_iter().filter(|mail| mail.to == to).collect()
}

async fn leaked_mails(test: &TestPortal, to: &str) -> usize {
    test.subjects(to).await.iter().filter(|subject| subject.ends_with("was seen in public")).count()
}

async fn own(test: &TestPortal, who: &SignedIn, key: &Key, now: DateTime<Utc>) -> Vec<LeakReport> {
    about(&test.op(who, now), key.id).await.unwrap()
}

/// Claims: MASA-25, FLOW-34
#[tokio::test]
async fn a_signed_report_reaches_the_owners_the_contact_and_the_audit_log_and_is_answered() {
    let (test, programme) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    let organization = ada.organization.id;
    test.sql("UPDATE organizations SET contact_email = 'ops@example.org', contact_verified_at = 1").await;
    test.watcher.take();

    let answer = test.report(&programme, secret.reveal(), URL, after(20)).await;
    assert_eq!(answer[0].label, "true_positive");
    assert_eq!(answer[0].token_hash, hex(&Sha256::digest(secret.reveal().as_bytes())));
    assert_eq!(answer[0].token_type, "cs_api_key");

    let reports = own(&test, &ada, &key, after(21)).await;
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].source.as_str(), reports[0].place.as_deref()), ("scanner", Some(PLACE)));
    assert_eq!(reports[0].action, LeakAction::Told);
    assert_eq!((leaked_mails(&test, ADA).await, leaked_mails(&test, "ops@example.org").await), (1, 1));
    let mail = mails_of(&test, ADA).await.remove(0);
    assert!(mail.text.contains(PLACE) && mail.text.contains("scanner") && mail.text.contains("still works"));
    assert!(!mail.text.contains("pass@") && !mail.text.contains(secret.reveal()), "{}", mail.text);
    assert_eq!(test.actions().await.last().unwrap(), "key.leak_reported");
    let (op, filter) = (test.op(&ada, after(22)), audit_log::Filter::default());
    let event = audit_log::list(&op, Scope::Organization, &filter, None).await.unwrap().items.remove(0);
    assert_eq!((event.organization, &event.object), (Some(organization), &Some(key.id.to_string())));
    assert_eq!(event.actor, ActorKind::Anonymous);
    assert!(event.details.contains(&("done".to_owned(), "told".to_owned())) && !format!("{event:?}").contains(PLACE));
    // Told, and nothing else.
    assert_eq!(read(&test.op(&ada, after(22)), key.id).await.unwrap().key.state, KeyState::Active);
}

#[tokio::test]
async fn a_replayed_report_changes_nothing_and_other_places_are_listed_without_another_mail() {
    let (test, programme) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    for _ in 0..3 {
        test.report(&programme, secret.reveal(), URL, after(20)).await;
    }
    assert_eq!((own(&test, &ada, &key, after(21)).await.len(), leaked_mails(&test, ADA).await), (1, 1));
    test.report(&programme, secret.reveal(), "https://git.example/other", after(30)).await;
    assert_eq!((own(&test, &ada, &key, after(31)).await.len(), leaked_mails(&test, ADA).await), (2, 1));
    let tomorrow = after(30) + TimeDelta::days(1);
    test.report(&programme, secret.reveal(), "https://git.example/third", tomorrow).await;
    assert_eq!(leaked_mails(&test, ADA).await, 2);
}

#[tokio::test]
async fn a_message_that_is_not_signed_by_a_listed_programme_is_refused_before_it_is_read() {
    let (test, programme) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    let body = json!([{ "token": secret.reveal(), "type": "cs_api_key", "url": URL }]).to_string();
    let op = test.anonymous(after(20));
    let other = Programme::new().sign(body.as_bytes());
    for (id, signature) in [(Some("key-1"), Some(other.as_str())), (Some("key-1"), None), (None, Some(other.as_str()))]
    {
        let refused = take_reports(&op, id, signature, body.as_bytes()).await;
        assert_eq!(refusal(refused), Refusal::SignatureInvalid);
    }
    let changed = body.replace("git.example", "bad.example");
    let signature = programme.sign(body.as_bytes());
    let refused = take_reports(&op, Some("key-1"), Some(&signature), changed.as_bytes()).await;
    assert_eq!(refusal(refused), Refusal::SignatureInvalid);
    // What cannot be read is not even looked at.
    assert_eq!(refusal(take_reports(&op, None, None, b"{").await), Refusal::SignatureInvalid);
    assert!(own(&test, &ada, &key, after(21)).await.is_empty());
}

#[tokio::test]
async fn a_signed_message_that_cannot_be_read_or_is_too_large_is_refused_whole() {
    let (test, programme) = house().await;
    let op = test.anonymous(after(20));
    let send = async |body: &[u8]| take_reports(&op, Some("key-1"), Some(&programme.sign(body)), body).await;
    for body in [
        "",
        "{}",
        "[1]",
        "[{}]",
        r#"[{"token":"a"}]"#,
        r#"[{"token":1,"type":"b"}]"#,
        "[{\"token\":\"a\",\"type\":\"b\"}",
    ] {
        assert_eq!(refusal(send(body.as_bytes()).await), Refusal::BodyUnreadable, "{body}");
    }
    let long_type = json!([{ "token": "a", "type": "b".repeat(201) }]).to_string();
    assert_eq!(refusal(send(long_type.as_bytes()).await), Refusal::BodyUnreadable);
    let many: Vec<Value> = (0..=REPORTS_MAX).map(|_| json!({ "token": "a", "type": "b" })).collect();
    assert_eq!(refusal(send(json!(many).to_string().as_bytes()).await), Refusal::TooLarge);
    assert_eq!(refusal(send(&vec![b' '; REPORT_BYTES_MAX + 1]).await), Refusal::TooLarge);
    // As many as may be, none of which is ours; an empty message is one, too.
    let answer = send(json!(many[1..]).to_string().as_bytes()).await.unwrap();
    assert!(answer.len() == REPORTS_MAX && answer.iter().all(|one| one.label == "false_positive"));
    assert_eq!(send(b"[]").await.unwrap(), []);
    // Fields that a programme adds later are passed over.
    assert_eq!(send(br#"[{"token":"a","type":"b","url":null,"new":{"x":[1]}}]"#).await.unwrap().len(), 1);
}

/// Claims: MASA-25
#[tokio::test]
async fn with_the_policy_revoke_the_gateway_refuses_the_key_before_the_programme_is_answered() {
    let (test, programme) = house().await;
    test.set_policy("weather", LeakPolicy::Revoke, 7).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    // Its organization's own protection is no reason to let strangers use it.
    let typed = TypedTerms { label: "Server".to_owned(), protected: "on".to_owned(), ..TypedTerms::default() };
    change_key(&test.op(&ada, after(11)), key.id, &typed).await.unwrap();
    test.watcher.take();
    assert_eq!(test.report(&programme, secret.reveal(), URL, after(20)).await[0].label, "true_positive");
    assert_eq!(test.watcher.take()[0].state, KeyState::Revoked);
    assert_eq!(own(&test, &ada, &key, after(21)).await[0].action, LeakAction::Revoked);
    assert!(mails_of(&test, ADA).await[0].text.contains("was revoked at once"));
    // A dead key is still one of ours, and nothing more is done about it.
    let again = test.report(&programme, secret.reveal(), "https://git.example/copy", after(30)).await;
    assert_eq!(again[0].label, "true_positive");
    assert_eq!(own(&test, &ada, &key, after(31)).await[0].action, LeakAction::Nothing);
    assert_eq!(leaked_mails(&test, ADA).await, 1);
}

/// Claims: MASA-25
#[tokio::test]
async fn with_the_policy_rotate_the_owner_gets_a_new_secret_and_the_leaked_one_ends_at_a_fixed_time() {
    let (test, programme) = house().await;
    test.set_policy("weather", LeakPolicy::Rotate, 3).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    test.watcher.take();
    test.report(&programme, secret.reveal(), URL, after(20)).await;
    let end = (after(20) + TimeDelta::days(3)).timestamp_millis();
    let told = test.watcher.take().remove(0);
    assert_eq!((told.state, told.secrets[0].expires_at), (KeyState::Active, Some(end)));
    let report = own(&test, &ada, &key, after(21)).await.remove(0);
    assert_eq!((report.action, report.ends_at), (LeakAction::Rotating, Some(end)));

    // Somewhere else, too: the end stays where it is, and the link that was sent still works.
    let token = test.newest_token(ADA).await;
    test.report(&programme, secret.reveal(), "https://git.example/copy", after(3_600)).await;
    assert_eq!((leaked_mails(&test, ADA).await, test.newest_token(ADA).await == token), (1, true));

    // The owner wishes for more time, and does not get it.
    let wish = NewRotation { overlap_days: "30".to_owned(), starts: "first_use".to_owned() };
    rotate(&test.fresh(&ada, after(3_700)), key.id, &wish).await.unwrap();
    let token = test.newest_token(ADA).await;
    let fresh = reveal(&test.fresh(&ada, after(3_800)), &token).await.unwrap().secret;
    let told = test.watcher.take().pop().unwrap();
    assert_eq!((told.secrets[0].expires_at, told.secrets[1].expires_at), (None, Some(end)));
    let detail = read(&test.op(&ada, after(3_801)), key.id).await.unwrap();
    assert!(matches!(detail.rotation, Rotation::TwoSecrets { retires_at: Some(at), .. } if at == end), "{detail:?}");

    // The new one was not seen by anybody; the old one is, again, and ends no later.
    let answer = test.report(&programme, secret.reveal(), "https://git.example/third", after(4_000)).await;
    assert_eq!(answer[0].label, "true_positive");
    let report = own(&test, &ada, &key, after(4_001)).await.remove(0);
    assert_eq!((report.action, report.ends_at), (LeakAction::Retired, Some(end)));
    assert_eq!(read(&test.op(&ada, after(4_001)), key.id).await.unwrap().key.state, KeyState::Active);
    drop(fresh);
}

#[tokio::test]
async fn a_leaked_secret_ends_although_nobody_opens_the_link_and_a_new_one_brings_the_key_back() {
    let (test, programme) = house().await;
    test.set_policy("weather", LeakPolicy::Rotate, 2).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    test.report(&programme, secret.reveal(), URL, after(20)).await;
    let later = after(20) + TimeDelta::days(2);
    assert_eq!(read(&test.op(&ada, later), key.id).await.unwrap().key.state, KeyState::Expired);
    // More time for the key is no more time for its secret.
    let typed = TypedTerms { label: "Server".to_owned(), expires_at: "2030-01-01".to_owned(), ..TypedTerms::default() };
    change_key(&test.op(&ada, later), key.id, &typed).await.unwrap();
    assert_eq!(read(&test.op(&ada, later), key.id).await.unwrap().key.state, KeyState::Expired);
    let wish = NewRotation { overlap_days: "7".to_owned(), starts: "now".to_owned() };
    rotate(&test.fresh(&ada, later), key.id, &wish).await.unwrap();
    let token = test.newest_token(ADA).await;
    reveal(&test.fresh(&ada, later), &token).await.unwrap();
    let detail = read(&test.op(&ada, later + TimeDelta::seconds(1)), key.id).await.unwrap();
    assert_eq!(detail.key.state, KeyState::Active);
    assert!(matches!(detail.rotation, Rotation::Over { .. }), "{detail:?}");
}

#[tokio::test]
async fn of_a_key_that_has_two_secrets_only_the_leaked_old_one_ends() {
    let (test, programme) = house().await;
    test.set_policy("weather", LeakPolicy::Revoke, 7).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, old) = test.revealed_key(&ada, "Server", after(10)).await;
    let wish = NewRotation { overlap_days: "7".to_owned(), starts: "now".to_owned() };
    rotate(&test.fresh(&ada, after(15)), key.id, &wish).await.unwrap();
    let token = test.newest_token(ADA).await;
    reveal(&test.fresh(&ada, after(16)), &token).await.unwrap();
    test.watcher.take();
    test.report(&programme, old.reveal(), URL, after(20)).await;
    let told = test.watcher.take().remove(0);
    assert_eq!(told.state, KeyState::Active);
    assert_eq!((told.secrets[0].expires_at, told.secrets[1].expires_at), (None, Some(after(20).timestamp_millis())));
    assert_eq!(own(&test, &ada, &key, after(21)).await[0].action, LeakAction::Retired);
}

#[tokio::test]
async fn an_expired_key_that_could_be_given_more_time_is_treated_like_one_that_works() {
    let (test, programme) = house().await;
    test.set_policy("weather", LeakPolicy::Revoke, 7).await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    test.sql(&format!("UPDATE keys SET expires_at = {}", after(15).timestamp_millis())).await;
    test.report(&programme, secret.reveal(), URL, after(20)).await;
    assert_eq!(own(&test, &ada, &key, after(21)).await[0].action, LeakAction::Revoked);
}

#[tokio::test]
async fn the_strictest_policy_among_the_apis_that_a_key_can_call_holds() {
    let (test, programme) = house().await;
    test.register_api("maps").await;
    test.register_api("closed").await;
    test.register_api("paid").await;
    test.set_policy("weather", LeakPolicy::Tell, 7).await;
    test.set_policy("maps", LeakPolicy::Rotate, 5).await;
    test.set_policy("closed", LeakPolicy::Revoke, 7).await;
    test.set_policy("paid", LeakPolicy::Revoke, 7).await;
    test.sql("UPDATE apis SET closed_at = 1 WHERE slug = 'closed'").await;
    let sam = test.staff("Sam", StaffRole::Owner).await;
    let gold = plans::NewPlan {
        name: "Gold".to_owned(),
        limit_requests: "60".to_owned(),
        limit_seconds: "60".to_owned(),
        quota_period: "month".to_owned(),
        approval: "automatic".to_owned(),
        audience: "everybody".to_owned(),
        ..plans::NewPlan::default()
    };
    let plan = plans::create(&test.fresh(&sam, after(5)), "paid", gold).await.unwrap();
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    test.report(&programme, secret.reveal(), URL, after(20)).await;
    assert_eq!(own(&test, &ada, &key, after(21)).await[0].action, LeakAction::Rotating);
    // With a plan of the paid API its policy holds, too.
    let (other, secret) = test.revealed_key(&ada, "Other", after(30)).await;
    subscriptions::request(&test.op(&ada, after(31)), plan, "").await.unwrap();
    test.report(&programme, secret.reveal(), URL, after(40)).await;
    assert_eq!(own(&test, &ada, &other, after(41)).await[0].action, LeakAction::Revoked);
}

#[tokio::test]
async fn the_self_check_tells_a_whole_secret_from_everything_else_and_stores_nothing() {
    let (test, _) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    let look = async |text: &str, seconds| {
        let text = Secret::new(text.to_owned());
        self_check(&test.anonymous(after(seconds)), &text, CheckWish::Look, "").await.unwrap()
    };
    let whole = secret.reveal();
    let unknown = format::assemble("cs", Environment::Live, b"0123456789abcdefghijABCDEFG");
    let damaged = format!("{}{}", &whole[..whole.len() - 1], if whole.ends_with('x') { 'y' } else { 'x' });
    for (text, checked) in [
        (whole.to_owned(), Checked::Known { environment: Environment::Live, works: true }),
        (format!("  {whole}\n"), Checked::Known { environment: Environment::Live, works: true }),
        (unknown, Checked::Unknown),
        (damaged, Checked::WrongChecksum),
        (whole[..whole.len() - 1].to_owned(), Checked::OtherForm),
        ("ghp_something".to_owned(), Checked::OtherForm),
        ("ä".repeat(400), Checked::OtherForm),
        ("cs_live_\0".to_owned(), Checked::OtherForm),
    ] {
        assert_eq!(look(&text, 20).await, SelfCheck { checked, action: None }, "{text}");
    }
    assert!(own(&test, &ada, &key, after(22)).await.is_empty());
    let empty = self_check(&test.anonymous(after(23)), &Secret::new(" ".to_owned()), CheckWish::Look, "").await;
    assert!(matches!(refusal(empty), Refusal::InvalidInput { .. }));
    revoke(&test.op(&ada, after(24)), key.id).await.unwrap();
    let gone = look(whole, 25).await.checked;
    assert_eq!(gone, Checked::Known { environment: Environment::Live, works: false });
}

#[tokio::test]
async fn whoever_has_a_secret_can_report_it_and_the_policy_decides_what_that_does() {
    let (test, _) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    let report =
        async |seconds| self_check(&test.anonymous(after(seconds)), &secret, CheckWish::Report, "").await.unwrap();
    let told = report(20).await;
    assert_eq!(told.action, Some(LeakAction::Told));
    assert_eq!(told.checked, Checked::Known { environment: Environment::Live, works: true });
    assert_eq!(report(30).await.action, Some(LeakAction::Told));
    let reports = own(&test, &ada, &key, after(31)).await;
    assert_eq!((reports.len(), reports[0].source.as_str(), reports[0].place.as_deref()), (1, SELF_CHECK, None));
    assert_eq!(leaked_mails(&test, ADA).await, 1);

    test.set_policy("weather", LeakPolicy::Revoke, 7).await;
    let (_, other) = test.revealed_key(&ada, "Other", after(40)).await;
    let done = self_check(&test.anonymous(after(50)), &other, CheckWish::Report, "").await.unwrap();
    assert_eq!(done.action, Some(LeakAction::Revoked));
    assert_eq!(done.checked, Checked::Known { environment: Environment::Live, works: false });
}

/// Claims: S002-20
#[tokio::test]
async fn a_few_look_without_a_script_and_then_a_proof_is_asked_for() {
    let (test, _) = house().await;
    let source = crate::guard::Source::new("192.0.2.1".parse().unwrap());
    let mut op = test.anonymous(after(20));
    op.browser.source = source;
    let text = Secret::new("cs_live_x".to_owned());
    for _ in 0..5 {
        self_check(&op, &text, CheckWish::Look, "").await.unwrap();
    }
    assert_eq!(refusal(self_check(&op, &text, CheckWish::Look, "").await), Refusal::ProofRequired);
}

/// Claims: MAST-15, FLOW-60
#[tokio::test]
async fn a_reported_secret_stands_nowhere_in_the_database_not_even_in_an_address() {
    let (test, programme) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (_, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    let body = &secret.reveal()["cs_live_".len()..];
    for url in [
        format!("https://paste.example/raw/{}", secret.reveal()),
        format!("https://{body}.example/x"),
        format!("https://{}@paste.example/{body}/file?key={}", secret.reveal(), secret.reveal()),
    ] {
        assert_eq!(test.report(&programme, secret.reveal(), &url, after(20)).await[0].label, "true_positive");
    }
    self_check(&test.anonymous(after(30)), &secret, CheckWish::Report, "").await.unwrap();
    let whole = format!("{:?}", test.dump().await);
    assert!(whole.contains("paste.example"));
    assert!(!whole.contains(body));
    assert!(!whole.contains(&hex(&Sha256::digest(secret.reveal().as_bytes()))));
}

/// Claims: FLOW-34
#[tokio::test]
async fn a_leaked_access_token_is_revoked_at_once_and_its_person_is_told() {
    let (test, programme) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let typed = access_tokens::TypedToken {
        name: "Build server".to_owned(),
        scopes: access_tokens::Scope::ALL[0].word().to_owned(),
        days: "30".to_owned(),
    };
    let made = crate::access_tokens::create(&test.fresh(&ada, after(10)), &typed).await.unwrap();
    let look = async |seconds| {
        self_check(&test.anonymous(after(seconds)), &made.secret, CheckWish::Look, "").await.unwrap().checked
    };
    assert_eq!(look(15).await, Checked::Token { works: true });
    assert_eq!(test.report(&programme, made.secret.reveal(), URL, after(20)).await[0].label, "true_positive");
    assert!(crate::access_tokens::resume(&test.portal, made.secret.reveal(), after(21)).await.unwrap().is_none());
    assert_eq!(look(22).await, Checked::Token { works: false });
    let told = mails_of(&test, ADA).await.remove(0);
    assert!(told.text.contains("Build server") && told.text.contains(PLACE), "{}", told.text);
    // Again, and by the self-check: nothing more happens, and it is still known.
    let mails = mails_of(&test, ADA).await.len();
    assert_eq!(test.report(&programme, made.secret.reveal(), URL, after(30)).await[0].label, "true_positive");
    let again = self_check(&test.anonymous(after(31)), &made.secret, CheckWish::Report, "").await.unwrap();
    assert_eq!(again.action, Some(LeakAction::Nothing));
    assert_eq!(mails_of(&test, ADA).await.len(), mails);
    assert_eq!(test.actions().await.last().unwrap(), "token.leak_reported");
}

#[test]
fn a_place_is_host_and_path_and_nothing_that_could_hurt() {
    let place = |url: &str| place_of(url, "cs_live_0123456789012345678901234567890123");
    assert_eq!(place(URL).as_deref(), Some(PLACE));
    assert_eq!(place("http://git.example").as_deref(), Some("git.example"));
    assert_eq!(place("https://git.example/a\u{202e}b").as_deref(), Some("git.example"));
    assert_eq!(place("https://git.example/<script>").as_deref(), Some("git.example"));
    for nothing in ["", "javascript:alert(1)", "some_url", "https://", "https:///x", "https://ä.example/"] {
        assert_eq!(place(nothing), None, "{nothing}");
    }
    assert_eq!(place(&format!("https://git.example/{}", "x".repeat(5_000))).unwrap().len(), PLACE_MAX);
}

#[tokio::test]
async fn reports_are_gone_after_ninety_days_and_not_shown_before_the_job_ran() {
    let (test, programme) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    test.report(&programme, secret.reveal(), URL, after(20)).await;
    let shortly_before = after(19) + TimeDelta::days(90);
    assert_eq!(own(&test, &ada, &key, shortly_before).await.len(), 1);
    let then = after(20) + TimeDelta::days(90);
    assert!(own(&test, &ada, &key, then).await.is_empty());
    let erased = retention::run(&test.system(then), Mode::Erase).await.unwrap();
    assert_eq!(erased.iter().find(|one| one.table == "leak_reports").unwrap().rows, 1);
}

/// Claims: FLOW-61
#[tokio::test]
async fn reports_are_seen_by_their_organization_and_by_staff_alone() {
    let (test, programme) = house().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let eve = test.sign_up_and_verify("Eve").await;
    let sam = test.staff("Sam", StaffRole::Support).await;
    let (key, secret) = test.revealed_key(&ada, "Server", after(10)).await;
    test.report(&programme, secret.reveal(), URL, after(20)).await;
    assert!(own(&test, &eve, &key, after(21)).await.is_empty());
    let mut billing = ada.clone();
    billing.organization.role = Role::Billing;
    assert_eq!(refusal(about(&test.op(&billing, after(21)), key.id).await), Refusal::NotAllowed);
    assert_eq!(refusal(list(&test.op(&ada, after(21)), None).await), Refusal::NotFound);
    let page = list(&test.op(&sam, after(21)), None).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].organization, ada.organization.id);
    assert!(page.items[0].hint.starts_with("cs_live_…"));
    assert_eq!(test.actions().await.last().unwrap(), "leaks.viewed");
    let before = page.items[0].report.id;
    assert!(list(&test.op(&sam, after(22)), Some(before)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn staff_who_manage_apis_choose_the_policy() {
    let (test, _) = house().await;
    let sam = test.staff("Sam", StaffRole::Admin).await;
    let fresh = || test.fresh(&sam, after(30));
    for (policy, days, field) in [
        ("", "7", "leak_policy"),
        ("shout", "7", "leak_policy"),
        ("rotate", "15", "leak_overlap_days"),
        ("rotate", "", "leak_overlap_days"),
    ] {
        let Refusal::InvalidInput { fields } = refusal(change_terms(&fresh(), "weather", policy, days).await) else {
            panic!("{policy} {days}")
        };
        assert_eq!(fields[0].field, field);
    }
    assert_eq!(refusal(change_terms(&fresh(), "nothing", "tell", "7").await), Refusal::NotFound);
    change_terms(&fresh(), "weather", "rotate", "2").await.unwrap();
    let api = apis::see(&fresh(), "weather").await.unwrap();
    assert_eq!(api.leaks, LeakTerms { policy: LeakPolicy::Rotate, overlap_days: 2 });
    let stale = test.op(&sam, after(3_600));
    assert!(matches!(refusal(change_terms(&stale, "weather", "tell", "7").await), Refusal::StepUpRequired { .. }));
    let lia = test.staff("Lia", StaffRole::Support).await;
    assert_eq!(refusal(change_terms(&test.fresh(&lia, after(30)), "weather", "tell", "7").await), Refusal::NotAllowed);
}
