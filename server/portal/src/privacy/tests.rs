#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use contract::Refusal;
use contract::StaffRole;
use contract::access_tokens::TypedToken;
use contract::apis::AddressPolicy;
use contract::audit_log::Action;
use contract::leaks::CheckWish;
use contract::request_logs::{Filter, RequestRow};
use sha2::{Digest as _, Sha256};

use super::policy::PROMISES;
use super::register::REGISTER;
use super::retention::{self, Erased, Mode, RULES};
use crate::accounts::{self, NewAccount, Password};
use crate::audit_log::{self, Event};
use crate::testing::{self, TestPortal, at, new_account, new_key, refusal, row, start};
use crate::tokens::{self, hex};
use crate::{
    Actor, Scope, access_tokens, apis, keys, leaks, organizations, passkeys, recovery, request_logs, sessions,
};

/// What one side has and the other has not.
fn differences(stored: &[(String, String)]) -> (Vec<String>, Vec<String>) {
    let stored: BTreeSet<String> = stored.iter().map(|(table, column)| format!("{table}.{column}")).collect();
    let declared: BTreeSet<String> = REGISTER.iter().map(|entry| format!("{}.{}", entry.table, entry.column)).collect();
    (stored.difference(&declared).cloned().collect(), declared.difference(&stored).cloned().collect())
}

/// Claims: MAST-14
#[tokio::test]
async fn every_stored_column_is_in_the_register_and_every_entry_is_stored() {
    let test = testing::portal().await;
    let columns = test.columns().await;
    assert!(columns.len() > 50, "the schema could not be read: {columns:?}");
    assert_eq!(differences(&columns), (Vec::new(), Vec::new()));
    assert_eq!(columns.len(), REGISTER.len(), "an entry stands twice in the register");

    // The comparison notices a new column, a new table, and a column that is gone.
    test.sql("ALTER TABLE accounts ADD COLUMN shoe_size text").await;
    test.sql("CREATE TABLE diaries (entry text)").await;
    test.sql("ALTER TABLE accounts RENAME COLUMN name TO nickname").await;
    let (undeclared, unstored) = differences(&test.columns().await);
    assert_eq!(undeclared, ["accounts.nickname", "accounts.shoe_size", "diaries.entry"]);
    assert_eq!(unstored, ["accounts.name"]);
}

/// Bodies hold the one thing that must be readable, the link, until the mail is sent; a used link opens nothing.
const BODIES: [(&str, &str); 3] = [("mails", "body_text"), ("mails", "body_html"), ("mails", "links")];

/// Claims: MAST-15, FLOW-60, MAST-30
#[tokio::test]
async fn no_secret_stands_anywhere_in_the_database() {
    const CANARY: &str = "a canary sings 7391 at dusk";
    let test = testing::portal().await;
    let email = "ada@example.com";
    let account = NewAccount { password: Password::new(CANARY.to_owned()), ..new_account("Ada", email) };
    accounts::sign_up(&test.anonymous(start()), account, "").await.unwrap();
    let verify_token = test.newest_token(email).await;
    accounts::verify_email(&test.anonymous(at(TimeDelta::seconds(1))), &verify_token).await.unwrap();
    let now = at(TimeDelta::seconds(2));
    let opened = sessions::sign_in(&test.anonymous(now), email, &Password::new(CANARY.to_owned())).await.unwrap();
    let (session, device) = (opened.session, opened.device.unwrap());
    let ada = sessions::resume(&test.portal, session.reveal(), now).await.unwrap().unwrap();
    let reveal_token = test.newest_token(email).await;
    let revealed = keys::reveal(&test.op(&ada, now), &reveal_token).await.unwrap();
    let secret = revealed.secret.reveal();
    // A link that still waits to be used, and a request with the key.
    keys::create(&test.op(&ada, at(TimeDelta::seconds(3))), new_key("Server")).await.unwrap();
    let open_token = test.newest_token(email).await;
    let caller = testing::caller(&ada, &revealed.key);
    request_logs::store(test.portal.db(), &[row(now, Some(caller))]).await.unwrap();

    let never = forms(&[CANARY, secret, &secret["cs_live_".len()..], session.reveal(), device.reveal()]);
    let links = forms(&[&verify_token, &reveal_token, &open_token]);
    let whole = format!("{:?}", test.dump().await).to_lowercase();
    // The dump can find what is there: the hashes that are meant to be stored, and the last four characters.
    let hash = test.portal.hasher().hash(secret).0;
    assert!(whole.contains(&hex(&hash[..16])));
    absent(&whole, &[hex(&hash), hex(&hash[16..])]);
    assert!(whole.contains(&hex(&tokens::token_hash(session.reveal()))));
    assert!(whole.contains(&secret[secret.len() - 4..].to_lowercase()) && whole.contains("ada@example.com"));
    absent(&whole, &never);
    absent(&format!("{:?}", test.dump_without(&BODIES).await).to_lowercase(), &links);

    // What the worker does once a mail was handed on.
    test.sql("UPDATE mails SET body_text = NULL, body_html = NULL, links = NULL").await;
    absent(&format!("{:?}", test.dump().await).to_lowercase(), &links);

    // The bytes on the disk, also those that no query shows any more. Links are not looked for here: bytes of an erased
    // body stay in the file until SQLite writes over them.
    if let Some(file) = test.sqlite_file() {
        let mut bytes = fs::read(&file).unwrap();
        bytes.extend(fs::read(file.with_extension("db-wal")).unwrap());
        assert!(contains(&bytes, b"ada@example.com") && contains(&bytes, &hash[..16]));
        // Of the keyed hash half stands there, for looking up; the whole is sealed.
        assert!(!contains(&bytes, &hash) && !contains(&bytes, &hash[16..]));
        for clear in [CANARY, secret, &secret["cs_live_".len()..], session.reveal(), device.reveal()] {
            assert!(!contains(&bytes, clear.as_bytes()));
            assert!(!contains(&bytes, hex(clear.as_bytes()).as_bytes()));
        }
        for clear in [CANARY, secret] {
            let hash = Sha256::digest(clear.as_bytes());
            assert!(!contains(&bytes, &hash) && !contains(&bytes, hex(&hash).as_bytes()));
        }
    }
}

/// Each text as it is, as hexadecimal digits of its bytes, and, where it is not a token that is stored so, as those of
/// its plain SHA-256; lower case, like the dump that is searched.
fn forms(texts: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for text in texts {
        all.push(text.to_lowercase());
        all.push(hex(text.as_bytes()));
        if text.len() != tokens::TOKEN_LENGTH {
            all.push(hex(&Sha256::digest(text.as_bytes())));
        }
    }
    all
}

fn absent(dump: &str, needles: &[String]) {
    for needle in needles {
        assert!(!dump.contains(needle), "{needle} stands in the database");
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Claims: FLOW-54
#[tokio::test]
async fn request_logs_are_gone_after_ninety_days() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", start()).await;
    let called = row(start(), Some(testing::caller(&ada, &key)));
    request_logs::store(test.portal.db(), std::slice::from_ref(&called)).await.unwrap();
    let shown = async |now| {
        let op = test.op(&ada, now);
        request_logs::list(&op, Scope::Organization, &Filter::default(), None).await.unwrap().items
    };

    let before = at(TimeDelta::days(90) - TimeDelta::seconds(1));
    assert_eq!(shown(before).await, std::slice::from_ref(&called));
    retention::run(&test.system(before), Mode::Erase).await.unwrap();
    assert_eq!(shown(before).await, [called]);

    let after = at(TimeDelta::days(90) + TimeDelta::seconds(1));
    assert_eq!(shown(after).await, []);
    assert_eq!(test.count("request_logs").await, 1, "the job has not run yet");
    retention::run(&test.system(after), Mode::Erase).await.unwrap();
    assert_eq!(test.count("request_logs").await, 0);
    // Sums name no person and stay two years.
    assert_eq!(test.count("usage_minutes").await, 1);
}

/// Claims: FLOW-54
#[tokio::test]
async fn an_api_that_keeps_rows_for_less_has_them_gone_then() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let olga = test.staff("Olga", StaffRole::Admin).await;
    let (key, _) = test.revealed_key(&ada, "Server", start()).await;
    let op = test.fresh(&olga, start());
    let tides = apis::create(&op, "tides", "Tides", "https://tides.example.com").await.unwrap();
    let profile = apis::NewPrivacy {
        caller_kind: "server".to_owned(),
        ip_policy: "none".to_owned(),
        ua_policy: "none".to_owned(),
        log_level: "full".to_owned(),
        retention_days: "5".to_owned(),
    };
    apis::change_privacy(&op, "tides", &profile).await.unwrap();
    let elsewhere = row(start(), Some(testing::caller(&ada, &key)));
    let nowhere = RequestRow { api: None, ..row(start(), Some(testing::caller(&ada, &key))) };
    let short =
        RequestRow { api: Some((tides, "tides".to_owned())), ..row(start(), Some(testing::caller(&ada, &key))) };
    request_logs::store(test.portal.db(), &[elsewhere, nowhere, short]).await.unwrap();
    let shown = async |now| {
        let op = test.op(&ada, now);
        request_logs::list(&op, Scope::Organization, &Filter::default(), None).await.unwrap().items.len()
    };
    let end = at(TimeDelta::days(5));
    let before = end - TimeDelta::milliseconds(1);
    retention::run(&test.system(before), Mode::Erase).await.unwrap();
    assert_eq!((shown(before).await, test.count("request_logs").await), (3, 3));
    assert_eq!((shown(end).await, test.count("request_logs").await), (2, 3), "the job has not run yet");
    let counted = retention::run(&test.system(end), Mode::Count).await.unwrap();
    assert_eq!(counted[0], Erased { table: "request_logs", rows: 1 });
    assert_eq!(retention::run(&test.system(end), Mode::Erase).await.unwrap(), counted);
    assert_eq!(test.count("request_logs").await, 2);
}

/// Claims: MASA-08, MAST-23
#[tokio::test]
async fn an_address_that_is_kept_for_seven_days_is_gone_after_seven_days() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    let (key, _) = test.revealed_key(&ada, "Server", start()).await;
    let rows: Vec<_> = [AddressPolicy::SevenDays, AddressPolicy::NinetyDays, AddressPolicy::Truncated]
        .map(|policy| RequestRow {
            address: policy.keep("203.0.113.77".parse().unwrap()),
            ..row(start(), Some(testing::caller(&ada, &key)))
        })
        .into();
    request_logs::store(test.portal.db(), &rows).await.unwrap();
    let shown = async |now| {
        let op = test.op(&ada, now);
        let rows = request_logs::list(&op, Scope::Organization, &Filter::default(), None).await.unwrap().items;
        rows.iter().filter(|row| row.address.is_some()).count()
    };
    let stored = async || test.texts("SELECT ip FROM request_logs WHERE ip IS NOT NULL".to_owned(), 1).await.len();
    let end = at(TimeDelta::days(7));
    let before = end - TimeDelta::milliseconds(1);
    retention::run(&test.system(before), Mode::Erase).await.unwrap();
    assert_eq!((shown(before).await, stored().await), (3, 3));
    assert_eq!((shown(end).await, stored().await), (2, 3), "the job has not run yet");
    let erased = retention::run(&test.system(end), Mode::Erase).await.unwrap();
    assert!(erased.contains(&Erased { table: "request_logs.ip", rows: 1 }), "{erased:?}");
    assert_eq!((shown(end).await, stored().await, test.count("request_logs").await), (2, 2, 3));
}

/// One thing of every kind that has a term: a request, a session, links, mails, an account that was never verified.
async fn something_of_everything(test: &TestPortal) {
    let ada = test.sign_up_and_verify("Ada").await;
    test.sign_up("Bob", "bob@example.com", start()).await;
    let (key, secret) = test.revealed_key(&ada, "Server", start()).await;
    leaks::self_check(&test.anonymous(start()), &secret, CheckWish::Report, "").await.unwrap();
    let rows = [row(start(), Some(testing::caller(&ada, &key))), row(start(), None)];
    request_logs::store(test.portal.db(), &rows).await.unwrap();
    passkeys::start_sign_in(&test.anonymous(start())).await.unwrap();
    let invited = async |email: &str| organizations::invite(&test.op(&ada, start()), email, "viewer").await.unwrap();
    invited("stranger@elsewhere.example").await;
    let revoked = invited("nobody@elsewhere.example").await;
    organizations::revoke_invite(&test.op(&ada, start()), revoked).await.unwrap();
    accounts::ask_email_change(&test.op(&ada, start()), "new@example.com").await.unwrap();
    recovery::ask_recovery(&test.anonymous(at(TimeDelta::seconds(10))), &ada.email).await.unwrap();
    let token = test.newest_token(&ada.email).await;
    recovery::start_recovery(&test.anonymous(at(TimeDelta::seconds(10))), &token).await.unwrap();
    let typed = TypedToken { name: "Program".to_owned(), scopes: "keys:read".to_owned(), days: "30".to_owned() };
    let token = access_tokens::create(&test.fresh(&ada, start()), &typed).await.unwrap();
    let holder = access_tokens::resume(&test.portal, token.secret.reveal(), start()).await.unwrap().unwrap();
    let program = test.portal.op(Actor::Token(Box::new(holder)), start(), test.system(start()).request);
    access_tokens::idempotent::begin(&program, "a name", [0; 32]).await.unwrap();
    let op = test.system(start());
    let tx = op.begin().await.unwrap();
    let named = Event::new(Action::NameChanged).account(ada.account).personal("Ada");
    audit_log::record(&tx, &op, named).await.unwrap();
    op.commit(tx).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_of_retention_counts_what_a_run_erases() {
    let test = testing::portal().await;
    something_of_everything(&test).await;
    let op = test.system(at(TimeDelta::days(731)));
    let before = test.dump().await;

    let counted = retention::run(&op, Mode::Count).await.unwrap();
    assert_eq!(test.dump().await, before, "a dry run erased something");
    let mut tables = RULES.map(|rule| rule.table).to_vec();
    // Addresses go with their rows here.
    tables.push("request_logs.ip");
    assert_eq!(counted.iter().map(|one| one.table).collect::<Vec<_>>(), tables);
    for one in counted.iter().take(RULES.len()) {
        assert!(one.rows > 0, "nothing tests the rule for {}", one.table);
    }

    assert_eq!(retention::run(&op, Mode::Erase).await.unwrap(), counted);
    for rule in RULES {
        let left = i64::from(rule.table == "accounts");
        assert_eq!(test.count(rule.table).await, left, "{}", rule.table);
    }
    let again = retention::run(&op, Mode::Erase).await.unwrap();
    assert!(again.iter().all(|one| one.rows == 0), "{again:?}");
    assert_eq!(test.count("keys").await, 2, "what has no term stays");
}

#[tokio::test]
async fn every_term_ends_at_its_moment_and_not_before() {
    let test = testing::portal().await;
    something_of_everything(&test).await;
    for rule in RULES {
        let past_at = async |now| {
            let erased = retention::run(&test.system(now), Mode::Count).await.unwrap();
            let place = RULES.iter().position(|one| one.table == rule.table && one.since == rule.since).unwrap();
            erased[place].rows
        };
        let condition = rule.only_if_empty.map_or_else(String::new, |column| format!("WHERE {column} IS NULL"));
        let sql = format!("SELECT CAST(min({}) AS text) FROM {} {condition}", rule.since, rule.table);
        let since: i64 = test.texts(sql, 1).await[0][0].parse().unwrap();
        let end = chrono::DateTime::from_timestamp_millis(since).unwrap() + rule.life;
        assert_eq!(past_at(end - TimeDelta::milliseconds(1)).await, 0, "{rule:?}");
        assert!(past_at(end).await > 0, "{rule:?}");
    }
}

#[tokio::test]
async fn an_account_that_was_never_verified_goes_after_thirty_days_with_its_organization() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    test.sign_up("Bob", "bob@example.com", start()).await;
    assert_eq!((test.count("accounts").await, test.count("organizations").await), (2, 2));

    retention::run(&test.system(at(TimeDelta::days(30) - TimeDelta::milliseconds(1))), Mode::Erase).await.unwrap();
    assert_eq!((test.count("accounts").await, test.count("organizations").await), (2, 2));

    retention::run(&test.system(at(TimeDelta::days(30))), Mode::Erase).await.unwrap();
    for table in ["accounts", "organizations", "members", "policy_acceptances"] {
        assert_eq!(test.count(table).await, 1, "{table}");
    }
    let left = format!("{:?}", test.dump().await);
    assert!(!left.contains("Bob") && !left.contains("bob@example.com"), "{left}");
    let op = test.op(&ada, at(TimeDelta::days(30)));
    assert_eq!(keys::list(&op, None).await.unwrap().len(), 1, "Ada's first key stays");
    // The address is free again.
    test.sign_up("Bob", "bob@example.com", at(TimeDelta::days(30))).await;
    assert_eq!(test.count("accounts").await, 2);
}

#[tokio::test]
async fn only_the_program_itself_erases() {
    let test = testing::portal().await;
    let ada = test.sign_up_and_verify("Ada").await;
    for op in [test.anonymous(start()), test.op(&ada, start())] {
        for mode in [Mode::Count, Mode::Erase] {
            assert_eq!(refusal(retention::run(&op, mode).await), Refusal::NotAllowed);
        }
    }
}

#[test]
fn the_published_page_shows_every_entry_once_with_purpose_and_term() {
    let policy = super::policy();
    let mut shown: Vec<&String> = Vec::new();
    for category in &policy.categories {
        assert!(!category.items.is_empty() && !category.basis.is_empty() && !category.protection.is_empty());
        for item in &category.items {
            assert!(!item.purposes.is_empty() && !item.retention.is_empty(), "{item:?}");
            shown.extend(&item.columns);
        }
    }
    assert_eq!(shown.len(), REGISTER.len());
    assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), REGISTER.len());
    assert_eq!(policy.version.len(), 12);
    assert_eq!(policy, super::policy());
    for promise in &policy.promises {
        assert!(!promise.tests.is_empty() && !promise.claims.is_empty(), "{promise:?}");
    }
}

/// The repository, seen from this crate.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Files of our own with this ending below a folder, with their texts.
fn sources(folder: &str, ending: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !name.starts_with('.') && name != "node_modules" && name != "target" {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path, text);
            }
        }
    }
    found
}

/// Names of the functions that a test runner runs, and titles of end-to-end tests.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in ["server", "app", "migrations"].into_iter().flat_map(|folder| sources(folder, ".rs").into_values()) {
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[") {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            } else if let Some((_, rest)) = line.split_once("fn ") {
                if is_test {
                    names.insert(rest.split('(').next().unwrap().to_owned());
                }
                is_test = false;
            }
        }
    }
    for text in sources("end2end", ".mjs").into_values() {
        for call in text.split("test(").skip(1) {
            let mut quoted = call.trim_start().chars();
            if let Some(quote @ ('\'' | '"' | '`')) = quoted.next() {
                names.insert(quoted.take_while(|c| *c != quote).collect());
            }
        }
    }
    names
}

#[test]
fn every_promise_names_tests_that_exist() {
    let tests = tests();
    assert!(tests.contains("every_promise_names_tests_that_exist"));
    let missing: Vec<&str> =
        PROMISES.iter().flat_map(|promise| promise.tests).copied().filter(|name| !tests.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "promised, and not proved");
}

/// How many claims each policy makes; they are numbered from 01.
const CLAIMS: [(&str, u32); 5] = [("MAST", 42), ("MASA", 33), ("S002", 42), ("FLOW", 70), ("CARD", 24)];

fn is_claim(id: &str) -> bool {
    id.split_once('-').is_some_and(|(policy, number)| {
        let last = CLAIMS.iter().find(|(name, _)| *name == policy).map_or(0, |(_, last)| *last);
        number.len() == 2 && number.parse().is_ok_and(|number: u32| (1..=last).contains(&number))
    })
}

#[test]
fn every_claim_named_in_code_is_known() {
    for id in ["MAST-00", "MAST-43", "FLOW-71", "FLOW-7", "CARD-007", "mast-01", "XXXX-01", "MAST", ""] {
        assert!(!is_claim(id), "{id}");
    }
    let mut unknown: Vec<String> = Vec::new();
    let named = REGISTER.iter().flat_map(|entry| entry.claims).chain(PROMISES.iter().flat_map(|kept| kept.claims));
    unknown.extend(named.filter(|id| !is_claim(id)).map(|id| format!("{id} in the register or a promise")));
    let mut count = 0;
    let files = ["server", "app", "migrations"].into_iter().flat_map(|folder| sources(folder, ".rs"));
    for (path, text) in files.chain(sources("end2end", ".mjs")) {
        let lines = text.lines().filter_map(|line| {
            let line = line.trim().trim_start_matches('/').trim_start();
            line.strip_prefix("Claims:")
        });
        for id in lines.flat_map(|line| line.split(',')).map(str::trim) {
            count += 1;
            if !is_claim(id) {
                unknown.push(format!("{id} in {}", path.display()));
            }
        }
    }
    assert!(count > 20, "no claims were found in the code");
    assert_eq!(unknown, Vec::<String>::new());
}
