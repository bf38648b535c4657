//! Attack case 16: a form takes the fields it knows, in the form it knows them, or nothing at all.

use std::collections::BTreeMap;

use axum::body::Body;

use crate::fixture::{Fixture, Form, fixture};
use crate::harness::{Answer, House, encoded};

/// Columns that somebody would like to write.
const EXTRA: [(&str, &str); 16] = [
    ("role", "owner"),
    ("staff", "owner"),
    ("verified", "1"),
    ("email_verified_at", "1"),
    ("state", "active"),
    ("factor", "passkey"),
    ("authenticated_at", "9999999999999"),
    ("expires_at", "9999999999999"),
    ("org_id", "org_00000000000000000000000001"),
    ("organization_id", "org_00000000000000000000000001"),
    ("organization", "org_00000000000000000000000001"),
    ("account_id", "acc_00000000000000000000000001"),
    ("created_by", "acc_00000000000000000000000001"),
    ("quota", "9223372036854775808"),
    ("retention_days", "-1"),
    ("ip_policy", "full"),
];

fn written(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

async fn send(form: &Form, body: String) -> Answer {
    let mut browser = form.by.clone();
    let mut request = browser.form("/a-page", form.path, &[]);
    *request.body_mut() = Body::from(body);
    browser.send(request).await
}

/// Tables with how many rows each has, and what nobody may write through a form.
async fn standing(house: &House) -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let database = &house.database;
    BTreeMap::from([
        ("staff", database.texts("SELECT role FROM staff ORDER BY 1".to_owned(), 1).await),
        ("owners", database.texts("SELECT role FROM members WHERE role = 'owner' ORDER BY 1".to_owned(), 1).await),
    ])
}

/// Claims: S002-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_that_a_form_does_not_have_change_nothing_about_what_it_does() {
    // The same house twice: one is sent what it knows, the other everything.
    let (plain, extra) = (fixture().await, fixture().await);
    assert_eq!(standing(&plain.house).await, standing(&extra.house).await);
    for (one, other) in plain.forms.iter().zip(&extra.forms) {
        let known: Vec<&str> = one.fields().iter().map(|(name, _)| *name).collect();
        let mut fields = other.fields();
        fields.extend(EXTRA.iter().filter(|(name, _)| !known.contains(name)));
        let (first, second) = (send(one, written(&one.fields())).await, send(other, written(&fields)).await);
        assert_eq!(first.status, second.status, "{}: {first:?} {second:?}", one.path);
        assert_eq!(first.code(), second.code(), "{}", one.path);
        let (was, is) = (plain.house.database.dump().await, extra.house.database.dump().await);
        let counts = |dump: &BTreeMap<String, Vec<String>>| {
            dump.iter().map(|(table, rows)| (table.clone(), rows.len())).collect::<Vec<_>>()
        };
        assert_eq!(counts(&was), counts(&is), "{} wrote more", one.path);
        assert_eq!(standing(&plain.house).await, standing(&extra.house).await, "{} gave a right", one.path);
        assert!(!format!("{is:?}").contains("9999999999999"), "{} wrote a time of its sender", one.path);
    }
}

/// Claims: S002-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_another_kind_are_refused_or_lead_nowhere_and_write_nothing() {
    let Fixture { house, forms, .. } = fixture().await;
    let long = "x".repeat(20_000);
    let values: [&str; 12] = [
        "",
        "\0",
        "a\0b",
        "-1",
        "NaN",
        "9223372036854775808",
        "null",
        "[]",
        "{\"id\":1}",
        "' OR 1=1 --",
        "\u{202e}",
        &long,
    ];
    for form in &forms {
        let names: Vec<&str> = form.fields().iter().map(|(name, _)| *name).collect();
        for wrong in &names {
            // What is free to choose, says where to go, or only helps, may hold anything.
            if [
                "next",
                "password",
                "name",
                "label",
                "form_token",
                "reason",
                "purpose",
                "country",
                "contact_email",
                "codes",
                "slug",
                // Nothing in it means for ever.
                "expires_at",
                // Its page gives it back, so that nothing is lost.
                "openapi",
                "rows",
                // Whatever it is, it can be asked about; `leaks` shows that it stays nowhere.
                "secret",
                // Whatever is no wish to report only looks.
                "wish",
                // Old keys may begin with anything, or nothing.
                "prefix",
            ]
            .contains(wrong)
            {
                continue;
            }
            let before = stored(&house).await;
            for value in values {
                let fields: Vec<(&str, &str)> = form
                    .fields()
                    .into_iter()
                    .map(|(name, right)| (name, if name == *wrong { value } else { right }))
                    .collect();
                let answer = send(form, written(&fields)).await;
                assert!((400..500).contains(&answer.status), "{} {wrong}={value:.20?}: {answer:?}", form.path);
                // The page of an import is its form, and holds what was typed.
                let repeats = form.path != "/admin/imports" && answer.body.contains("xxxxxxxxxx");
                assert!(!repeats, "{} repeats what it was sent", form.path);
            }
            assert_eq!(stored(&house).await, before, "{} with another {wrong} wrote something", form.path);
        }
        // A passkey answers once, whatever its answer is worth: these cannot be sent again.
        if names.contains(&"ceremony") {
            continue;
        }
        for (number, name) in names.iter().enumerate() {
            // Twice the same field, as a list, and as parts.
            let right = form.fields();
            for body in [
                format!("{}&{name}=other", written(&right)),
                format!("{}&{name}[]=other", written(&right[..number])),
                format!("{}&{name}[id]=other", written(&right[..number])),
            ] {
                let answer = send_without_effect(&house, form, body).await;
                assert!(answer.status < 500, "{} {name}: {answer:?}", form.path);
            }
        }
    }
}

/// Sends what may be refused or taken: but then not as something else. What is refused writes nothing.
async fn send_without_effect(house: &House, form: &Form, body: String) -> Answer {
    let before = stored(house).await;
    let answer = send(form, body).await;
    if answer.status >= 400 {
        assert_eq!(stored(house).await, before, "{} was refused and wrote something", form.path);
    }
    answer
}

/// What is stored, but for questions to passkeys, which are taken back by any answer.
async fn stored(house: &House) -> BTreeMap<String, Vec<String>> {
    let mut all = house.database.dump().await;
    all.remove("ceremonies");
    all
}
