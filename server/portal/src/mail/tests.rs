//! The outbox against a real mail server in a process of its own: `server/portal/tests/smtp_server.mjs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use contract::{MailId, RequestId};
use sea_orm::EntityTrait as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use testdb::TestDb;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::worker::{Step, Worker};
use super::*;
use crate::keys::{KeyRecord, KeyWatcher};
use crate::{Actor, Portal, PortalSettings};

const START: &str = "2026-11-21T10:00:00Z";

/// More than a claim holds.
const AFTER_A_CRASH: TimeDelta = TimeDelta::minutes(3);

struct NoGateway;

impl KeyWatcher for NoGateway {
    fn changed(&self, _record: KeyRecord) {}

    fn rests(&self, _organization: contract::OrganizationId, _rests: bool) {}

    fn limited(&self, _organization: contract::OrganizationId, _limit: Option<contract::limits::Limit>) {}

    fn api_changed(&self, _record: crate::apis::ApiRecord) {}

    fn terms_changed(&self, _record: crate::subscriptions::terms::TermsRecord) {}

    fn can_use(&self, _record: &crate::apis::ApiRecord) -> bool {
        true
    }
}

fn settings(erase_sent_mails: bool) -> PortalSettings {
    PortalSettings {
        name: "Acme APIs".to_owned(),
        public_url: "https://portal.acme.example:8443".to_owned(),
        gateway_url: "https://api.acme.example".to_owned(),
        key_prefix: "cs".to_owned(),
        erase_sent_mails,
        session_idle: TimeDelta::hours(1),
        session_life: TimeDelta::hours(24),
        recovery_wait: TimeDelta::hours(72),
        staff_need_passkeys: true,
        private_upstreams: false,
        leak_programmes: Vec::new(),
    }
}

fn letter() -> Letter {
    Letter {
        kind: "verify_email",
        to: "ada@example.com".to_owned(),
        account: None,
        subject: "Verify your email".to_owned(),
        name: "Ada Lovelace".to_owned(),
        paragraphs: vec!["Confirm that this address is yours.".to_owned(), "The link works once.".to_owned()],
        button: Some(Button {
            label: "Verify email".to_owned(),
            url: "https://portal.acme.example/verify-email?token=abc123".to_owned(),
        }),
        reason: "You get this mail because someone signed up with your address.".to_owned(),
    }
}

/// A portal with an outbox and a clock that only the test moves.
struct House {
    portal: Portal,
    now: Arc<Mutex<DateTime<Utc>>>,
    _db: TestDb,
}

impl House {
    async fn new() -> Self {
        Self::with(settings(true)).await
    }

    async fn with(settings: PortalSettings) -> Self {
        let test_db = TestDb::new().await.unwrap();
        let db = Db::connect(test_db.url()).await.unwrap();
        db.migrate().await.unwrap();
        let portal = Portal::new(db, settings, crate::testing::secrets(), Arc::new(NoGateway));
        Self { portal, now: Arc::new(Mutex::new(START.parse().unwrap())), _db: test_db }
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Arc::new(move || *now.lock().unwrap())
    }

    fn pass(&self, time: TimeDelta) {
        *self.now.lock().unwrap() += time;
    }

    async fn queue(&self, letter: Letter) -> MailId {
        let now = *self.now.lock().unwrap();
        let op = self.portal.op(Actor::System, now, RequestId::new(Uuid::from_u128(1)));
        let tx = op.begin().await.unwrap();
        let id = queue(&tx, &op, letter).await.unwrap();
        op.commit(tx).await.unwrap();
        id
    }

    fn worker(&self, transport: impl Transport) -> Worker {
        Worker { portal: self.portal.clone(), transport: Arc::new(transport), clock: self.clock() }
    }

    async fn mail(&self, id: MailId) -> table::Model {
        table::Entity::find_by_id(id.uuid()).one(self.portal.db().read()).await.unwrap().unwrap()
    }
}

/// Counts what it is given and answers what the test says.
#[derive(Clone)]
struct Answers {
    answer: Result<(), SendError>,
    sent: Arc<Mutex<Vec<Mail>>>,
}

type Result<T, E = crate::Error> = std::result::Result<T, E>;

impl Answers {
    fn with(answer: Result<(), SendError>) -> Self {
        Self { answer, sent: Arc::default() }
    }

    fn sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for Answers {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        self.sent.lock().unwrap().push(mail.clone());
        self.answer.clone()
    }
}

/// The mail server.
struct Server {
    process: Child,
    events: mpsc::UnboundedReceiver<Value>,
    port: u16,
}

impl Server {
    async fn start(options: Value) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(
            root.join("../../node_modules/smtp-server").is_dir(),
            "the mail server of the tests is missing; run `make setup`, or `npm ci` at the root of the repository"
        );
        let mut process = Command::new("node")
            .arg(root.join("tests/smtp_server.mjs"))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node must be installed");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, events) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in lines.map_while(std::io::Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        let mut server = Self { process, events, port: 0 };
        server.port = u16::try_from(server.next("listening").await["port"].as_u64().unwrap()).unwrap();
        server
    }

    /// The next event of a kind; others are passed over.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let event = self.events.recv().await.expect("the mail server ended too early");
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// Ends the server and returns what it took and nobody asked for yet.
    async fn messages(mut self) -> Vec<Value> {
        drop(self.process.stdin.take());
        let mut messages = Vec::new();
        while let Some(event) = self.events.recv().await {
            if event["event"] == "message" {
                messages.push(event);
            }
        }
        messages
    }

    fn smtp(&self, tls: SmtpTls, ca_file: Option<PathBuf>, login: Option<SmtpLogin>) -> Smtp {
        let settings = SmtpSettings { host: "127.0.0.1".to_owned(), port: self.port, tls, login, ca_file };
        Smtp::new(settings, sender(), "portal.acme.example").unwrap()
    }

    fn plain(&self) -> Smtp {
        self.smtp(SmtpTls::None, None, None)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sender() -> Sender {
    "Acme APIs <portal@acme.example>".parse().unwrap()
}

fn header<'a>(message: &'a Value, name: &str) -> &'a str {
    let raw = message["raw"].as_str().unwrap();
    let (head, _) = raw.split_once("\r\n\r\n").unwrap();
    let mut found = head.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let value = found.next().unwrap_or_else(|| panic!("no header {name} in {head}"));
    assert_eq!(found.next(), None, "two headers {name}");
    value
}

/// An authority, and a certificate for 127.0.0.1 that it signed.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        write("ca.pem", authority.self_signed(&authority_key).unwrap().pem());
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        write("cert.pem", server.signed_by(&key, &issuer).unwrap().pem());
        write("key.pem", key.serialize_pem());
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self, mut options: Value) -> Value {
        options["cert"] = json!(self.path("cert.pem"));
        options["key"] = json!(self.path("key.pem"));
        options
    }
}

#[tokio::test]
async fn a_mail_is_delivered_over_tls_to_a_server_we_trust_and_its_text_is_erased() {
    let certificates = Certificates::new();
    let mut server = Server::start(certificates.server(json!({"secure": true, "password": "open sesame"}))).await;
    let login = SmtpLogin { username: "portal".to_owned(), password: SecretString::from("open sesame") };
    let house = House::new().await;
    let id = house.queue(letter()).await;
    let smtp = server.smtp(SmtpTls::Implicit, Some(certificates.path("ca.pem")), Some(login));
    assert_eq!(house.worker(smtp).step().await.unwrap(), Step::Tried);

    let message = server.next("message").await;
    assert_eq!(message["secure"], true);
    assert_eq!(message["user"], "portal");
    assert_eq!(message["from"], "portal@acme.example");
    assert_eq!(message["to"], json!(["ada@example.com"]));
    assert_eq!(header(&message, "Message-ID"), format!("<{id}@portal.acme.example>"));
    assert_eq!(header(&message, "From"), "\"Acme APIs\" <portal@acme.example>");
    assert_eq!(header(&message, "To"), "ada@example.com");
    assert_eq!(header(&message, "Subject"), "Verify your email");
    assert_eq!(header(&message, "Date"), "Sat, 21 Nov 2026 10:00:00 +0000");
    assert_eq!(header(&message, "Auto-Submitted"), "auto-generated");
    let raw = message["raw"].as_str().unwrap();
    assert!(raw.contains("multipart/alternative") && raw.contains("text/plain") && raw.contains("text/html"), "{raw}");

    let mail = house.mail(id).await;
    assert_eq!(mail.sent_at, Some(mail.created_at));
    assert_eq!((mail.body_text, mail.body_html, mail.links, mail.last_error), (None, None, None, None));
    assert_eq!(mailbox(house.portal.db()).await.unwrap(), []);
}

#[tokio::test]
async fn a_mail_is_delivered_after_starttls() {
    let certificates = Certificates::new();
    let mut server = Server::start(certificates.server(json!({"starttls": true}))).await;
    let house = House::new().await;
    house.queue(letter()).await;
    let smtp = server.smtp(SmtpTls::StartTls, Some(certificates.path("ca.pem")), None);
    house.worker(smtp).step().await.unwrap();
    assert_eq!(server.next("message").await["secure"], true);
}

#[tokio::test]
async fn a_server_whose_certificate_we_do_not_trust_gets_nothing() {
    let certificates = Certificates::new();
    for (tls, options) in [(SmtpTls::Implicit, json!({"secure": true})), (SmtpTls::StartTls, json!({"starttls": true}))]
    {
        let server = Server::start(certificates.server(options)).await;
        let house = House::new().await;
        let id = house.queue(letter()).await;
        house.worker(server.smtp(tls, None, None)).step().await.unwrap();
        let mail = house.mail(id).await;
        assert_eq!((mail.sent_at, mail.failed_at, mail.attempts), (None, None, 1));
        let reason = mail.last_error.unwrap();
        assert!(reason.contains("certificate"), "{reason}");
        assert_eq!(server.messages().await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn a_server_that_does_not_offer_the_encryption_we_ask_for_gets_nothing() {
    for tls in [SmtpTls::StartTls, SmtpTls::Implicit] {
        let server = Server::start(json!({})).await;
        let house = House::new().await;
        let id = house.queue(letter()).await;
        house.worker(server.smtp(tls, None, None)).step().await.unwrap();
        let mail = house.mail(id).await;
        assert_eq!((mail.sent_at, mail.failed_at), (None, None));
        assert_eq!(server.messages().await, Vec::<Value>::new());
    }
}

#[test]
fn mails_leave_this_machine_encrypted_or_not_at_all() {
    let smtp = |host: &str| {
        let host = host.to_owned();
        Smtp::new(
            SmtpSettings { host, port: 25, tls: SmtpTls::None, login: None, ca_file: None },
            sender(),
            "localhost",
        )
    };
    assert!(smtp("mail.example").is_err());
    assert!(smtp("192.0.2.1").is_err());
    assert!(smtp("localhost").is_ok());
    assert!(smtp("::1").is_ok());
}

#[tokio::test]
async fn a_wrong_password_keeps_mails_waiting() {
    let certificates = Certificates::new();
    let server = Server::start(certificates.server(json!({"secure": true, "password": "open sesame"}))).await;
    let login = SmtpLogin { username: "portal".to_owned(), password: SecretString::from("open barley") };
    let house = House::new().await;
    let id = house.queue(letter()).await;
    house.worker(server.smtp(SmtpTls::Implicit, Some(certificates.path("ca.pem")), Some(login))).step().await.unwrap();
    let mail = house.mail(id).await;
    assert_eq!((mail.sent_at, mail.failed_at), (None, None));
    let reason = mail.last_error.unwrap();
    assert!(reason.contains("535") && !reason.contains("barley"), "{reason}");
    assert!(mail.body_text.is_some());
}

#[tokio::test]
async fn a_refused_mail_is_given_up_with_the_reason_and_not_tried_again() {
    let mut server = Server::start(json!({"behaviours": ["refuse", "accept"]})).await;
    let house = House::new().await;
    let id = house.queue(letter()).await;
    let worker = house.worker(server.plain());
    assert_eq!(worker.step().await.unwrap(), Step::Tried);
    server.next("connected").await;
    let mail = house.mail(id).await;
    assert_eq!(mail.sent_at, None);
    assert_eq!(mail.failed_at, Some(mail.created_at));
    assert_eq!(mail.last_error.unwrap(), "The mail server answered 550 5.1.1 <ada@example.com>: no such mailbox");
    assert_eq!((mail.body_text, mail.body_html, mail.links), (None, None, None));

    house.pass(TimeDelta::days(30));
    assert!(matches!(worker.step().await.unwrap(), Step::Idle(_)));
    assert_eq!(server.messages().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_log_line_about_a_refused_mail_does_not_hold_the_address() {
    let server = Server::start(json!({"behaviours": ["refuse"]})).await;
    let house = House::new().await;
    house.queue(letter()).await;
    let worker = house.worker(server.plain());
    let transport = Arc::clone(&worker.transport);
    let mail = Mail {
        id: MailId::new(Uuid::from_u128(1)),
        kind: "verify_email".to_owned(),
        to: "ada@example.com".to_owned(),
        subject: "x".to_owned(),
        text: "token=abc123".to_owned(),
        html: "token=abc123".to_owned(),
        message_id: "<1@x>".to_owned(),
        queued_at: START.parse().unwrap(),
    };
    let error = transport.send(&mail).await.unwrap_err();
    assert!(error.reason.contains("ada@example.com"));
    assert_eq!(error.to_string(), "The mail server answered 550.");
    let printed = format!("{mail:?} {:?}", letter().button);
    assert!(!printed.contains("ada@") && !printed.contains("abc123"), "{printed}");
}

#[tokio::test]
async fn a_mail_that_is_put_off_is_sent_later() {
    let mut server = Server::start(json!({"behaviours": ["temporary", "accept"]})).await;
    let house = House::new().await;
    let id = house.queue(letter()).await;
    let worker = house.worker(server.plain());
    worker.step().await.unwrap();
    let mail = house.mail(id).await;
    assert_eq!((mail.sent_at, mail.failed_at, mail.attempts), (None, None, 1));
    assert!(mail.last_error.unwrap().contains("451"));
    assert_eq!(mail.send_after - mail.created_at, 60_000);
    assert_eq!(worker.step().await.unwrap(), Step::Idle(Duration::from_secs(60)));

    house.pass(TimeDelta::minutes(1));
    assert_eq!(worker.step().await.unwrap(), Step::Tried);
    assert_eq!(header(&server.next("message").await, "Message-ID"), format!("<{id}@portal.acme.example>"));
    let mail = house.mail(id).await;
    assert_eq!((mail.attempts, mail.last_error), (2, None));
    assert!(mail.sent_at.is_some());
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_after_a_minute_and_asked_again_later() {
    let mut server = Server::start(json!({"behaviours": ["silent", "accept"]})).await;
    let house = House::new().await;
    let id = house.queue(letter()).await;
    let worker = house.worker(server.plain());
    let attempt = tokio::spawn(async move { worker.step().await });
    let first = server.next("message").await;
    // Held for a moment only: while time stands still, the database's own time limits would pass.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    assert_eq!(attempt.await.unwrap().unwrap(), Step::Tried);
    let mail = house.mail(id).await;
    assert_eq!((mail.sent_at, mail.failed_at), (None, None));
    assert_eq!(mail.last_error.as_deref(), Some("The mail server did not answer within 60s."));

    house.pass(TimeDelta::minutes(1));
    house.worker(server.plain()).step().await.unwrap();
    assert!(house.mail(id).await.sent_at.is_some());
    // Both have the same id, so that the receiver can drop the copy that it did not acknowledge.
    let second = server.next("message").await;
    assert_eq!((&first["behaviour"], &second["behaviour"]), (&json!("silent"), &json!("accept")));
    assert_eq!(header(&first, "Message-ID"), header(&second, "Message-ID"));
}

#[tokio::test]
async fn a_mail_survives_a_connection_that_breaks() {
    for behaviour in ["cut-data", "cut-answer"] {
        let mut server = Server::start(json!({"behaviours": [behaviour, "accept"]})).await;
        let house = House::new().await;
        let id = house.queue(letter()).await;
        let worker = house.worker(server.plain());
        worker.step().await.unwrap();
        let mail = house.mail(id).await;
        assert_eq!((mail.sent_at, mail.failed_at), (None, None), "{behaviour}");
        assert!(mail.last_error.is_some() && mail.body_text.is_some(), "{behaviour}");
        house.pass(TimeDelta::minutes(1));
        worker.step().await.unwrap();
        assert!(house.mail(id).await.sent_at.is_some(), "{behaviour}");
        loop {
            let message = server.next("message").await;
            if message["behaviour"] == "accept" {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_asked_again_later() {
    let server = Server::start(json!({})).await;
    let smtp = server.plain();
    assert_eq!(server.messages().await, Vec::<Value>::new());
    let house = House::new().await;
    let id = house.queue(letter()).await;
    house.worker(smtp).step().await.unwrap();
    let mail = house.mail(id).await;
    assert_eq!((mail.sent_at, mail.failed_at), (None, None));
    assert!(mail.last_error.unwrap().contains("Connection refused"));
}

/// Sends, tells the test, and never returns: where the process dies.
struct DiesAfterSending {
    smtp: Smtp,
    sent: Mutex<Option<oneshot::Sender<()>>>,
}

#[async_trait]
impl Transport for DiesAfterSending {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        self.smtp.send(mail).await?;
        let sent = self.sent.lock().unwrap().take();
        sent.expect("sent once").send(()).expect("the test waits");
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_crash_between_sending_and_noting_it_sends_the_mail_again_with_the_same_message_id() {
    let mut server = Server::start(json!({})).await;
    let house = House::new().await;
    let id = house.queue(letter()).await;
    let (sent, was_sent) = oneshot::channel();
    let dying = Arc::new(DiesAfterSending { smtp: server.plain(), sent: Mutex::new(Some(sent)) });
    let task = tokio::spawn(run(house.portal.clone(), dying, house.clock(), CancellationToken::new()));
    was_sent.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let mail = house.mail(id).await;
    assert_eq!((mail.sent_at, mail.attempts), (None, 1));
    assert!(mail.body_text.is_some());

    let worker = house.worker(server.plain());
    assert!(matches!(worker.step().await.unwrap(), Step::Idle(_)), "the claim still holds");
    house.pass(AFTER_A_CRASH);
    worker.step().await.unwrap();
    let (first, second) = (server.next("message").await, server.next("message").await);
    assert_eq!(header(&first, "Message-ID"), header(&second, "Message-ID"));
    assert!(house.mail(id).await.sent_at.is_some());
    assert!(matches!(worker.step().await.unwrap(), Step::Idle(_)));
    assert_eq!(server.messages().await, Vec::<Value>::new());
}

/// Dies before it sends.
struct Dies(Mutex<Option<oneshot::Sender<()>>>);

#[async_trait]
impl Transport for Dies {
    async fn send(&self, _mail: &Mail) -> Result<(), SendError> {
        let reached = self.0.lock().unwrap().take();
        reached.expect("reached once").send(()).expect("the test waits");
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_crash_before_sending_loses_nothing() {
    let house = House::new().await;
    let id = house.queue(letter()).await;
    let (reached, was_reached) = oneshot::channel();
    let dying = Arc::new(Dies(Mutex::new(Some(reached))));
    let task = tokio::spawn(run(house.portal.clone(), dying, house.clock(), CancellationToken::new()));
    was_reached.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    house.pass(AFTER_A_CRASH);
    let answers = Answers::with(Ok(()));
    house.worker(answers.clone()).step().await.unwrap();
    assert_eq!(answers.sent(), 1);
    assert!(house.mail(id).await.sent_at.is_some());
}

#[tokio::test]
async fn two_workers_do_not_send_the_same_mail() {
    let house = House::new().await;
    house.queue(letter()).await;
    let answers = Answers::with(Ok(()));
    let (one, other) = (house.worker(answers.clone()), house.worker(answers.clone()));
    let (one, other) = tokio::join!(one.step(), other.step());
    one.unwrap();
    other.unwrap();
    assert_eq!(answers.sent(), 1);
}

#[tokio::test]
async fn a_mail_is_there_exactly_if_what_it_speaks_of_is() {
    let house = House::new().await;
    let op = house.portal.op(Actor::System, START.parse().unwrap(), RequestId::new(Uuid::from_u128(1)));
    let tx = op.begin().await.unwrap();
    queue(&tx, &op, letter()).await.unwrap();
    tx.rollback().await.unwrap();
    let answers = Answers::with(Ok(()));
    assert!(matches!(house.worker(answers.clone()).step().await.unwrap(), Step::Idle(_)));
    assert_eq!(answers.sent(), 0);
}

#[tokio::test]
async fn the_oldest_mail_leaves_first() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(house.queue(letter()).await);
        house.pass(TimeDelta::seconds(1));
    }
    let answers = Answers::with(Ok(()));
    let worker = house.worker(answers.clone());
    while worker.step().await.unwrap() == Step::Tried {}
    let sent: Vec<MailId> = answers.sent.lock().unwrap().iter().map(|mail| mail.id).collect();
    assert_eq!(sent, ids);
}

#[tokio::test]
async fn waits_grow_from_a_minute_to_six_hours_and_end_after_three_days() {
    let house = House::new().await;
    let id = house.queue(letter()).await;
    let answers = Answers::with(Err(SendError::temporary("away")));
    let worker = house.worker(answers.clone());
    let mut waits = Vec::new();
    while worker.step().await.unwrap() == Step::Tried {
        let mail = house.mail(id).await;
        let now = house.now.lock().unwrap().timestamp_millis();
        let wait = TimeDelta::milliseconds(mail.send_after - now);
        if mail.failed_at.is_none() {
            waits.push(wait.num_minutes());
            house.pass(wait);
        }
    }
    assert_eq!(waits[..11], [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
    assert_eq!(waits.iter().sum::<i64>(), 72 * 60);
    let mail = house.mail(id).await;
    assert_eq!(mail.last_error.as_deref(), Some("away"));
    assert!(mail.failed_at.is_some() && mail.body_text.is_none());
}

#[tokio::test]
async fn a_mail_leaves_as_soon_as_it_is_committed_and_a_shutdown_ends_the_worker() {
    struct Tells(mpsc::UnboundedSender<MailId>);
    #[async_trait]
    impl Transport for Tells {
        async fn send(&self, mail: &Mail) -> Result<(), SendError> {
            self.0.send(mail.id).expect("the test waits");
            Ok(())
        }
    }
    let house = House::new().await;
    let (sender, mut sent) = mpsc::unbounded_channel();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(run(house.portal.clone(), Arc::new(Tells(sender)), house.clock(), shutdown.clone()));
    for _ in 0..3 {
        let id = house.queue(letter()).await;
        assert_eq!(sent.recv().await, Some(id));
    }
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_shutdown_waits_for_the_mail_that_is_being_sent() {
    struct Slow {
        started: Mutex<Option<oneshot::Sender<()>>>,
        goes_on: tokio::sync::Notify,
        ended: AtomicUsize,
    }
    #[async_trait]
    impl Transport for Slow {
        async fn send(&self, _mail: &Mail) -> Result<(), SendError> {
            let started = self.started.lock().unwrap().take();
            started.expect("one mail only").send(()).expect("the test waits");
            self.goes_on.notified().await;
            self.ended.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }
    let house = House::new().await;
    let first = house.queue(letter()).await;
    house.pass(TimeDelta::seconds(1));
    let second = house.queue(letter()).await;
    let (started, has_started) = oneshot::channel();
    let slow = Arc::new(Slow {
        started: Mutex::new(Some(started)),
        goes_on: tokio::sync::Notify::new(),
        ended: AtomicUsize::new(0),
    });
    let shutdown = CancellationToken::new();
    let transport: Arc<dyn Transport> = slow.clone();
    let task = tokio::spawn(run(house.portal.clone(), transport, house.clock(), shutdown.clone()));
    has_started.await.unwrap();
    shutdown.cancel();
    slow.goes_on.notify_one();
    task.await.unwrap();
    assert_eq!(slow.ended.load(Ordering::SeqCst), 1);
    assert!(house.mail(first).await.sent_at.is_some());
    assert_eq!(house.mail(second).await.sent_at, None);
}

#[tokio::test]
async fn the_preview_keeps_mails_and_shows_the_newest_first() {
    let house = House::with(settings(false)).await;
    let first = house.queue(letter()).await;
    house.pass(TimeDelta::seconds(1));
    let second = house.queue(Letter { subject: "Another".to_owned(), ..letter() }).await;
    let worker = house.worker(Preview);
    while worker.step().await.unwrap() == Step::Tried {}
    assert!(house.mail(first).await.sent_at.is_some());
    let shown = mailbox(house.portal.db()).await.unwrap();
    assert_eq!(shown.iter().map(|mail| mail.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!(shown[1].to, "ada@example.com");
    assert_eq!(shown[1].links, ["https://portal.acme.example/verify-email?token=abc123"]);
    assert!(shown[1].text.contains(&shown[1].links[0]) && shown[1].html.contains(&shown[1].links[0]));
    let json = serde_json::to_value(&shown[1]).unwrap();
    for name in ["id", "to", "subject", "text", "html", "links"] {
        assert!(!json[name].is_null(), "{name}");
    }
}

#[tokio::test]
async fn the_directory_holds_one_whole_file_for_each_mail() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mail");
    let house = House::new().await;
    let id = house.queue(letter()).await;
    let directory = Directory::new(mails.clone(), sender());
    house.worker(directory.clone()).step().await.unwrap();
    let names = || -> Vec<_> { std::fs::read_dir(&mails).unwrap().map(|file| file.unwrap().file_name()).collect() };
    assert_eq!(names(), [format!("{id}.eml").as_str()]);
    let text = std::fs::read_to_string(mails.join(format!("{id}.eml"))).unwrap();
    assert!(text.contains(&format!("Message-ID: <{id}@portal.acme.example>\r\n")), "{text}");
    assert_eq!(house.mail(id).await.body_text, None);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&mails.join(format!("{id}.eml"))), 0o600);
        assert_eq!(mode(&mails), 0o700);
    }
    // Sent again after a crash: still one file, whatever the crash left behind.
    let mail = Mail {
        id,
        kind: "verify_email".to_owned(),
        to: "ada@example.com".to_owned(),
        subject: "Again".to_owned(),
        text: String::new(),
        html: String::new(),
        message_id: "<1@x>".to_owned(),
        queued_at: START.parse().unwrap(),
    };
    std::fs::write(mails.join(format!(".{id}.new")), "half").unwrap();
    directory.send(&mail).await.unwrap();
    assert_eq!(names(), [format!("{id}.eml").as_str()]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_keeps_mails_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let house = House::new().await;
    let id = house.queue(letter()).await;
    house.worker(Directory::new(blocked, sender())).step().await.unwrap();
    let mail = house.mail(id).await;
    assert_eq!((mail.sent_at, mail.failed_at), (None, None));
    assert!(mail.body_text.is_some());
}

#[tokio::test]
async fn an_address_that_is_none_is_given_up() {
    let house = House::new().await;
    let id = house.queue(Letter { to: "ada".to_owned(), ..letter() }).await;
    let folder = tempfile::tempdir().unwrap();
    house.worker(Directory::new(folder.path().to_owned(), sender())).step().await.unwrap();
    let mail = house.mail(id).await;
    assert!(mail.failed_at.is_some());
    assert_eq!(mail.last_error.as_deref(), Some("The recipient is not a valid address."));
}

#[test]
fn both_parts_of_a_mail_say_the_same() {
    insta::assert_snapshot!("text", letter().text(&settings(true)));
    insta::assert_snapshot!("html", letter().html(&settings(true)));
}

/// Claims: MAST-17
#[test]
fn a_mail_loads_nothing_and_tracks_nobody() {
    let html = letter().html(&settings(true));
    for part in ["<img", "<script", "<link", "<iframe", "url(", "src=", "@import", "background="] {
        assert!(!html.contains(part), "{part}");
    }
    assert_eq!(html.matches("http").count(), 3, "the button, its address in words, and the portal: {html}");
}

#[test]
fn what_people_type_stands_in_a_mail_as_they_typed_it_and_does_nothing() {
    let hostile = Letter {
        name: "<b onclick=\"x\">Ada</b> & 'co'".to_owned(),
        paragraphs: vec!["Key “<script>alert(1)</script>”".to_owned()],
        ..letter()
    };
    let html = hostile.html(&settings(true));
    assert!(
        html.contains("Hello <bdi>&lt;b onclick=&quot;x&quot;&gt;Ada&lt;/b&gt; &amp; &#39;co&#39;</bdi>,"),
        "{html}"
    );
    assert!(html.contains("Key “&lt;script&gt;alert(1)&lt;/script&gt;”"), "{html}");
    assert!(hostile.text(&settings(true)).starts_with("Hello <b onclick=\"x\">Ada</b> & 'co',\n"));
    for name in ["محمد بن سلمان", "נועה", "e\u{301}ve", "नरेन्द्र", "👩\u{200d}💻"] {
        let letter = Letter { name: name.to_owned(), ..letter() };
        assert!(letter.text(&settings(true)).contains(name) && letter.html(&settings(true)).contains(name), "{name}");
    }
}

#[tokio::test]
async fn a_line_break_in_a_subject_starts_no_header() {
    let mut server = Server::start(json!({})).await;
    let house = House::new().await;
    let subject = "Your key “x\r\nBcc: all@example.com\n\u{2028}y” مفتاح is ready".to_owned();
    let paragraphs = vec!["a\r\n.\r\nMAIL FROM:<x@example.com>".to_owned(), ".".to_owned()];
    let id = house.queue(Letter { subject, paragraphs, ..letter() }).await;
    assert_eq!(house.mail(id).await.subject, "Your key “x  Bcc: all@example.com  y” مفتاح is ready");
    house.worker(server.plain()).step().await.unwrap();
    let message = server.next("message").await;
    assert_eq!(message["to"], json!(["ada@example.com"]));
    let raw = message["raw"].as_str().unwrap();
    assert!(raw.lines().all(|line| !line.to_lowercase().starts_with("bcc:")), "{raw}");
    assert_eq!(server.messages().await, Vec::<Value>::new());
}
