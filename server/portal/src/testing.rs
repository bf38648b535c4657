//! What the tests of this crate share: a portal on a database of its own, and people who came in through its doors.
//!
//! The same tests run on SQLite and, when `TEST_DATABASE_URL` names a server, on PostgreSQL. Time starts at
//! [`start`] and moves only where a test says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use contract::keys::hash::KeyHasher;
use contract::keys::{Key, Secret};
use contract::limits::Limit;
use contract::passkeys::Passkey;
use contract::policies::TERMS_VERSION;
use contract::request_logs::{Caller, RequestRow};
use contract::sessions::Factor;
use contract::{ApiId, OrganizationId, Refusal, RequestId, Role, StaffRole};
use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _, Statement};
use testdb::TestDb;
use testpasskey::Device;
use uuid::Uuid;

use crate::accounts::{self, NewAccount, Password};
use crate::apis::ApiRecord;
use crate::keys::{self, KeyRecord, KeyWatcher, NewKey};
use crate::mail::{self, MailboxEntry};
use crate::op::Browser;
use crate::organizations::{self, members};
use crate::sessions::{self, DeviceToken, SessionToken};
use crate::subscriptions::terms::TermsRecord;
use crate::vault::Vault;
use crate::{Actor, Db, Error, Op, Portal, PortalSettings, Result, Secrets, SignedIn, passkeys, staff, tokens};

/// What everyone here signs in with.
pub(crate) const PASSWORD: &str = "eleven green kettles sing";

/// The portal's pepper.
pub(crate) const PEPPER: [u8; 32] = [7; 32];

/// The portal's key-encryption key.
pub(crate) const KEK: [u8; 32] = [9; 32];

/// What the portal hashes and seals with.
pub(crate) fn secrets() -> Secrets {
    Secrets { hasher: KeyHasher::new(&PEPPER), vault: Vault::new(&KEK, &[]) }
}

/// When every test starts.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

/// So long after the start.
pub(crate) fn at(after: TimeDelta) -> DateTime<Utc> {
    start() + after
}

/// Writes down what the gateway would be told.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    told: Mutex<Vec<KeyRecord>>,
    rests: Mutex<Vec<(OrganizationId, bool)>>,
    limits: Mutex<Vec<(OrganizationId, Option<Limit>)>>,
    apis: Mutex<Vec<ApiRecord>>,
    terms: Mutex<Vec<TermsRecord>>,
}

/// An address with this in it is one that the gateway of the tests cannot use.
pub(crate) const UNUSABLE: &str = "unusable";

impl Watcher {
    /// What was told since the last time somebody asked.
    pub(crate) fn take(&self) -> Vec<KeyRecord> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// The APIs it was told of since then.
    pub(crate) fn take_apis(&self) -> Vec<ApiRecord> {
        std::mem::take(&mut *self.apis.lock().unwrap())
    }

    /// The terms it was told of since then.
    pub(crate) fn take_terms(&self) -> Vec<TermsRecord> {
        std::mem::take(&mut *self.terms.lock().unwrap())
    }

    /// Of which organizations it was told since then that their keys rest, or work.
    pub(crate) fn take_rests(&self) -> Vec<(OrganizationId, bool)> {
        std::mem::take(&mut *self.rests.lock().unwrap())
    }

    /// Of which limits of organizations it was told since then.
    pub(crate) fn take_limits(&self) -> Vec<(OrganizationId, Option<Limit>)> {
        std::mem::take(&mut *self.limits.lock().unwrap())
    }
}

impl KeyWatcher for Watcher {
    fn changed(&self, record: KeyRecord) {
        self.told.lock().unwrap().push(record);
    }

    fn rests(&self, organization: OrganizationId, rests: bool) {
        self.rests.lock().unwrap().push((organization, rests));
    }

    fn limited(&self, organization: OrganizationId, limit: Option<Limit>) {
        self.limits.lock().unwrap().push((organization, limit));
    }

    fn api_changed(&self, record: ApiRecord) {
        self.apis.lock().unwrap().push(record);
    }

    fn terms_changed(&self, record: TermsRecord) {
        self.terms.lock().unwrap().push(record);
    }

    fn can_use(&self, record: &ApiRecord) -> bool {
        !record.upstream_url.contains(UNUSABLE)
    }
}

/// A portal with a database of its own.
pub(crate) struct TestPortal {
    pub(crate) portal: Portal,
    pub(crate) watcher: Arc<Watcher>,
    database: TestDb,
}

/// Makes one.
pub(crate) async fn portal() -> TestPortal {
    portal_with(|_| ()).await
}

/// Makes one that is set up in another way.
pub(crate) async fn portal_with(set: impl FnOnce(&mut PortalSettings)) -> TestPortal {
    let database = TestDb::new().await.unwrap();
    let db = Db::connect(database.url()).await.unwrap();
    db.migrate().await.unwrap();
    let mut settings = PortalSettings {
        name: "Countersign".to_owned(),
        public_url: "https://portal.example".to_owned(),
        gateway_url: "https://gateway.example".to_owned(),
        key_prefix: "cs".to_owned(),
        erase_sent_mails: true,
        session_idle: TimeDelta::hours(1),
        session_life: TimeDelta::hours(24),
        recovery_wait: TimeDelta::hours(72),
        staff_need_passkeys: true,
        private_upstreams: false,
        leak_programmes: Vec::new(),
    };
    set(&mut settings);
    let watcher = Arc::new(Watcher::default());
    let portal = Portal::new(db, settings, secrets(), Arc::clone(&watcher) as Arc<dyn KeyWatcher>);
    TestPortal { portal, watcher, database }
}

impl TestPortal {
    /// An operation of a signed-in person.
    pub(crate) fn op(&self, person: &SignedIn, now: DateTime<Utc>) -> Op {
        self.portal.op(Actor::Account(Box::new(person.clone())), now, RequestId::new(Uuid::nil()))
    }

    /// An operation of somebody who is not signed in.
    pub(crate) fn anonymous(&self, now: DateTime<Utc>) -> Op {
        self.portal.op(Actor::Anonymous, now, RequestId::new(Uuid::nil()))
    }

    /// An operation of the program itself.
    pub(crate) fn system(&self, now: DateTime<Utc>) -> Op {
        self.portal.op(Actor::System, now, RequestId::new(Uuid::nil()))
    }

    /// Signs somebody up, and leaves the mail unopened.
    pub(crate) async fn sign_up(&self, name: &str, email: &str, now: DateTime<Utc>) {
        accounts::sign_up(&self.anonymous(now), new_account(name, email), "").await.unwrap();
    }

    /// A person whose address is this name at example.com: signed up at the start, verified and signed in two seconds
    /// later.
    pub(crate) async fn sign_up_and_verify(&self, name: &str) -> SignedIn {
        let email = format!("{}@example.com", name.to_lowercase());
        self.sign_up(name, &email, start()).await;
        let token = self.newest_token(&email).await;
        accounts::verify_email(&self.anonymous(at(TimeDelta::seconds(1))), &token).await.unwrap();
        self.sign_in(&email, at(TimeDelta::seconds(2))).await.1
    }

    /// The same, among the staff, and as if signed in with a passkey.
    pub(crate) async fn staff(&self, name: &str, role: StaffRole) -> SignedIn {
        let person = self.sign_up_and_verify(name).await;
        staff::add(&self.system(start()), &person.email, role).await.unwrap();
        SignedIn { factor: Factor::Passkey, ..self.sign_in(&person.email, at(TimeDelta::seconds(3))).await.1 }
    }

    /// The same from a browser that says what it is, and which its accounts may know again.
    pub(crate) fn anonymous_with(&self, device: Option<&DeviceToken>, now: DateTime<Utc>) -> Op {
        let label = "Firefox on Linux".to_owned();
        self.anonymous(now).from_browser(Browser { label, device: device.cloned(), ..Browser::none() })
    }

    /// Gives a person a passkey on this device.
    pub(crate) async fn add_passkey(&self, person: &SignedIn, device: &mut Device, now: DateTime<Utc>) -> Passkey {
        let op = self.op(person, now);
        let asked = passkeys::start_registration(&op).await.unwrap();
        let answer = device.create(&asked.options).unwrap();
        passkeys::finish_registration(&op, &asked.ceremony, &answer, "Phone").await.unwrap()
    }

    /// Signs in with a passkey on this device.
    pub(crate) async fn sign_in_with_passkey(&self, device: &mut Device, now: DateTime<Utc>) -> SignedIn {
        let op = self.anonymous(now);
        let asked = passkeys::start_sign_in(&op).await.unwrap();
        let answer = device.get(&asked.options).unwrap();
        let opened = passkeys::finish_sign_in(&op, &asked.ceremony, &answer).await.unwrap();
        sessions::resume(&self.portal, opened.session.reveal(), now).await.unwrap().unwrap()
    }

    /// Words of the events in the audit log, in their order.
    pub(crate) async fn actions(&self) -> Vec<String> {
        self.texts("SELECT action FROM audit_events ORDER BY seq".to_owned(), 1).await.concat()
    }

    /// Signs in with the password of everyone.
    pub(crate) async fn sign_in(&self, email: &str, now: DateTime<Utc>) -> (SessionToken, SignedIn) {
        let token = sessions::sign_in(&self.anonymous(now), email, &password()).await.unwrap().session;
        let person = sessions::resume(&self.portal, token.reveal(), now).await.unwrap().unwrap();
        (token, person)
    }

    /// The same person with another role in their organization, as the next request finds them.
    pub(crate) async fn with_role(&self, person: &SignedIn, role: Role) -> SignedIn {
        let tx = self.portal.db().begin().await.unwrap();
        members::Entity::update_many()
            .col_expr(members::Column::Role, Expr::value(role.word()))
            .filter(members::COLUMN.account_id.eq(person.account.uuid()))
            .exec(&tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let db = self.portal.db().read();
        let organization = organizations::current(db, person.organization.id, person.account).await.unwrap().unwrap();
        assert_eq!(organization.role, role);
        SignedIn { organization, ..person.clone() }
    }

    /// What stands in the outbox for an address, the newest first.
    pub(crate) async fn mails_to(&self, email: &str) -> Vec<MailboxEntry> {
        let mut mails = mail::mailbox(self.portal.db()).await.unwrap();
        mails.retain(|mail| mail.to == email);
        mails
    }

    /// The token of the link in the newest mail to an address.
    pub(crate) async fn newest_token(&self, email: &str) -> String {
        token_in(&self.mails_to(email).await[0])
    }

    /// The same of somebody who has just confirmed that it is them.
    pub(crate) fn fresh(&self, person: &SignedIn, now: DateTime<Utc>) -> Op {
        self.op(&SignedIn { authenticated_at: now.timestamp_millis(), ..person.clone() }, now)
    }

    /// A key whose secret its owner has seen.
    pub(crate) async fn revealed_key(&self, owner: &SignedIn, label: &str, now: DateTime<Utc>) -> (Key, Secret) {
        let op = self.fresh(owner, now);
        keys::create(&op, new_key(label)).await.unwrap();
        let token = self.newest_token(&owner.email).await;
        let revealed = keys::reveal(&op, &token).await.unwrap();
        (revealed.key, revealed.secret)
    }

    /// The SQLite file, if the database under test is one.
    pub(crate) fn sqlite_file(&self) -> Option<PathBuf> {
        self.database.url().strip_prefix("sqlite://")?.split('?').next().map(PathBuf::from)
    }

    /// Runs SQL past every rule: for arranging what no verb can.
    pub(crate) async fn sql(&self, sql: &str) {
        let tx = self.portal.db().begin().await.unwrap();
        tx.execute_unprepared(sql).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The rows of a query, each with its columns as texts.
    pub(crate) async fn texts(&self, sql: String, columns: usize) -> Vec<Vec<String>> {
        let db = self.portal.db().read();
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
        rows.iter()
            .map(|row| {
                (0..columns)
                    .map(|place| row.try_get_by_index::<Option<String>>(place).unwrap().unwrap_or_default())
                    .collect()
            })
            .collect()
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let db = self.portal.db().read();
        let sql = format!("SELECT count(*) FROM {table}");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// Table and column of everything that the database stores, as the database itself tells.
    pub(crate) async fn columns(&self) -> Vec<(String, String)> {
        let sql = match self.backend() {
            DbBackend::Postgres => {
                "SELECT table_name::text, column_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() ORDER BY 1, ordinal_position"
            }
            _ => {
                "SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
                 WHERE tables.type IN ('table', 'view') AND tables.name NOT LIKE 'sqlite_%' ORDER BY 1, columns.cid"
            }
        };
        let rows = self.texts(sql.to_owned(), 2).await;
        rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
    }

    /// Every value of every column of every table, as text; bytes as hexadecimal digits.
    pub(crate) async fn dump(&self) -> BTreeMap<String, Vec<String>> {
        self.dump_without(&[]).await
    }

    /// The same without some columns.
    pub(crate) async fn dump_without(&self, without: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, column) in self.columns().await {
            if !without.contains(&(table.as_str(), column.as_str())) {
                tables.entry(table).or_default().push(column);
            }
        }
        let mut all = BTreeMap::new();
        for (table, columns) in tables {
            let values: Vec<String> = columns
                .iter()
                .map(|column| match self.backend() {
                    DbBackend::Postgres => format!("\"{column}\"::text"),
                    _ => format!("quote(\"{column}\")"),
                })
                .collect();
            let rows = self.texts(format!("SELECT {} FROM \"{table}\"", values.join(", ")), columns.len()).await;
            let mut rows: Vec<String> = rows
                .into_iter()
                .map(|row| {
                    columns
                        .iter()
                        .zip(row)
                        .map(|(column, value)| format!("{column}={value}"))
                        .collect::<Vec<_>>()
                        .join(" | ")
                })
                .collect();
            rows.sort_unstable();
            all.insert(table, rows);
        }
        all
    }

    fn backend(&self) -> DbBackend {
        self.portal.db().read().get_database_backend()
    }
}

/// The password of everyone.
pub(crate) fn password() -> Password {
    Password::new(PASSWORD.to_owned())
}

/// A sign-up form, filled in well.
pub(crate) fn new_account(name: &str, email: &str) -> NewAccount {
    NewAccount { name: name.to_owned(), email: email.to_owned(), password: password(), terms: TERMS_VERSION.to_owned() }
}

/// A form for a live key, with a token that no other form has.
pub(crate) fn new_key(label: &str) -> NewKey {
    NewKey {
        label: label.to_owned(),
        environment: "live".to_owned(),
        form_token: tokens::new_token().unwrap(),
        expires_at: String::new(),
    }
}

/// The token of the link in a mail.
pub(crate) fn token_in(mail: &MailboxEntry) -> String {
    let (_, token) = mail.links[0].split_once("?token=").expect("the mail has no link with a token");
    token.to_owned()
}

/// The "no" in a result.
pub(crate) fn refusal<T: Debug>(result: Result<T>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Who calls with a key.
pub(crate) fn caller(owner: &SignedIn, key: &Key) -> Caller {
    Caller {
        key: key.id,
        key_label: key.label.clone(),
        secret_version: 1,
        environment: key.environment,
        organization: owner.organization.id,
        organization_name: owner.organization.name.clone(),
    }
}

/// A request that the upstream answered well; without a caller, one that was refused for want of a key.
pub(crate) fn row(at: DateTime<Utc>, caller: Option<Caller>) -> RequestRow {
    let refused = caller.is_none();
    RequestRow {
        id: RequestId::new(tokens::new_uuid(at)),
        at: at.timestamp_millis(),
        api: Some((ApiId::new(Uuid::from_u128(1)), "almanac".to_owned())),
        caller,
        method: "GET".to_owned(),
        route: "/v1/sun/{place}".to_owned(),
        status: if refused { 401 } else { 200 },
        code: refused.then(|| "missing_key".to_owned()),
        latency_us: 1_500,
        upstream_us: (!refused).then_some(1_000),
        response_bytes: 300,
        key_hint: None,
        cost: 1,
        address: None,
        agent: None,
    }
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// At least 0, less than the limit.
    pub(crate) fn below(&mut self, limit: i64) -> i64 {
        (self.next() >> 1) as i64 % limit
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as i64) as usize]
    }

    /// Rows of the last `period`: of these callers and of nobody, answered and refused in every way.
    pub(crate) fn rows(
        &mut self,
        count: usize,
        callers: &[Caller],
        now: DateTime<Utc>,
        period: TimeDelta,
    ) -> Vec<RequestRow> {
        let refusals = ["revoked_key", "upstream_down", "several_keys"];
        (0..count)
            .map(|_| {
                let at = now - TimeDelta::milliseconds(self.below(period.num_milliseconds()));
                let caller = (self.below(4) > 0).then(|| self.pick(callers).clone());
                let mut row = row(at, caller);
                row.method = (*self.pick(&["GET", "GET", "POST", "DELETE"])).to_owned();
                row.route = (*self.pick(&["/v1/sun/{place}", "/v1/moon", ""])).to_owned();
                row.api = self
                    .pick(&[
                        Some((ApiId::new(Uuid::from_u128(1)), "almanac".to_owned())),
                        Some((ApiId::new(Uuid::from_u128(2)), "tides".to_owned())),
                        None,
                    ])
                    .clone();
                row.status = *self.pick(&[200, 201, 204, 301, 400, 404, 429, 500, 503]);
                row.latency_us = self.below(2_000_000);
                row.response_bytes = self.below(100_000);
                if self.below(4) == 0 {
                    row.code = Some((*self.pick(&refusals)).to_owned());
                    row.upstream_us = None;
                }
                row
            })
            .collect()
    }
}
