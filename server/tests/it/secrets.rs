//! Attack case 6: no answer of a page or a server function holds what the database keeps to recognise secrets by.

use axum::http::Method;

use crate::anonymous_coverage::server_functions;
use crate::fixture::{Fixture, account_of, fixture};
use crate::forms::create;
use crate::harness::{Answer, House};
use crate::passkeys;
use crate::reading::{addresses, queries};

/// Columns that hold such things: those with these names, in every table.
const SECRET: [&str; 12] = [
    "token_hash",
    "code_hash",
    "secret_hash",
    "password_hash",
    "credential",
    "state",
    "form_token",
    "previous_hash",
    "sealed",
    "previous_sealed",
    "kept_secret",
    "wrapped",
];

/// A stored value, in every spelling in which it could come out.
struct Canary {
    place: String,
    spellings: Vec<String>,
}

fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let word = part.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for place in 0..=part.len() {
            text.push(char::from(alphabet[(word >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

async fn canaries(house: &House) -> Vec<Canary> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut all = Vec::new();
    for (table, column) in house.database.columns().await {
        // `state` is what a passkey was asked in one table, and where an account stands in another.
        if !SECRET.contains(&column.as_str())
            || (column == "state" && table != "ceremonies")
            || table == "keys" && column == "form_token"
        {
            continue;
        }
        for value in house.database.values(&table, &column).await {
            let place = format!("{table}.{column}");
            let is_hash = column.ends_with("_hash") && column != "password_hash";
            let spellings = if is_hash {
                let bytes = bytes_of(&value);
                // Of a key's secret half a hash is stored in the clear.
                let length = if table == "keys" { 16 } else { 32 };
                assert_eq!(bytes.len(), length, "{place}: {value}");
                let list: Vec<String> = bytes[..8].iter().map(u8::to_string).collect();
                vec![
                    value.to_lowercase(),
                    value.to_uppercase(),
                    base64(&bytes, STANDARD),
                    base64(&bytes, URL),
                    list.join(","),
                ]
            } else {
                // The salt and the hash of a password; the key of a passkey; what it was asked, but for the challenge.
                // A passkey's own number is asked for by name when its person confirms.
                let number = value.split_once("\"cred_id\":\"").map_or("", |(_, rest)| rest.split('"').next().unwrap());
                let parts = value.split(['$', '"', ',', ':']).filter(|part| part.len() >= 20 && *part != number);
                let parts = parts.map(str::to_owned).filter(|_| column != "state");
                parts.chain([value.clone()]).collect()
            };
            all.push(Canary { place, spellings });
        }
    }
    all
}

fn check(canaries: &[Canary], place: &str, answer: &Answer) {
    let headers = format!("{:?}", answer.headers);
    for canary in canaries {
        for spelling in &canary.spellings {
            let found = answer.body.contains(spelling.as_str()) || headers.contains(spelling.as_str());
            assert!(!found, "{} ({spelling}) stands in the answer of {place}: {answer:?}", canary.place);
        }
    }
}

/// Claims: MAST-15, MASA-23, S002-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_holds_a_hash_a_credential_or_what_a_passkey_was_asked() {
    let Fixture { house, forms, staff, mut ada } = fixture().await;
    // A key with a secret, and a passkey that was used.
    create(&mut ada, "revealed").await;
    let token = house.token_to("ada@example.com", "/reveal").await;
    assert_eq!(ada.without_script().post("/reveal", &[("token", &token)]).await.status, 200);
    let mut phone = passkeys::device();
    passkeys::register(&mut ada, &mut phone, "Phone").await;
    assert_eq!(passkeys::step_up(&mut ada, &mut phone).await.status, 200);
    let account = account_of(&house, &ada).await.to_string();
    let known = canaries(&house).await;
    for place in [
        "accounts.password_hash",
        "ceremonies.state",
        "ceremonies.token_hash",
        "devices.token_hash",
        "invites.token_hash",
        "data_keys.wrapped",
        "keys.sealed",
        "keys.secret_hash",
        "mail_links.token_hash",
        "passkeys.credential",
        "recovery_codes.code_hash",
        "sessions.token_hash",
    ] {
        assert!(known.iter().any(|canary| canary.place == place), "there is none in {place}");
    }
    let tokens: Vec<String> = forms
        .iter()
        .flat_map(|form| form.fields().into_iter().filter(|(name, _)| *name == "token"))
        .map(|(_, token)| token.to_owned())
        .collect();
    for browser in [house.browser(), ada.clone(), staff.clone()] {
        let mut pages = addresses(&house).await;
        pages.extend(tokens.iter().flat_map(|token| {
            ["/verify-email", "/reveal", "/recover", "/invite", "/reset-password"]
                .map(|page| format!("{page}?token={token}"))
        }));
        pages.push(format!("/admin/accounts/{account}?purpose=help_asked"));
        pages.push("/admin/accounts?query=Ada&purpose=help_asked".to_owned());
        for page in pages {
            check(&known, &page, &browser.clone().visit(&page).await);
        }
        for (path, method) in server_functions() {
            if method == Method::GET {
                for query in queries(&tokens, &account) {
                    check(&known, path, &browser.clone().get(&format!("{path}?{query}")).await);
                }
            } else {
                // Refused for want of everything: errors are answers too.
                check(&known, path, &browser.clone().post(path, &[]).await);
            }
        }
    }
    // What is accepted, too; and with what it has stored by then.
    let mut answers = Vec::new();
    for form in &forms {
        answers.push((form.path, form.by.clone().post(form.path, &form.fields()).await));
    }
    let more = canaries(&house).await;
    for (path, answer) in &answers {
        check(&known, path, answer);
        check(&more, path, answer);
    }
}
