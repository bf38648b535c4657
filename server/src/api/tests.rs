#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use contract::Refusal;

use super::*;

#[test]
fn every_operation_has_a_name_of_its_own_and_stands_in_the_document() {
    let paths = document()["paths"].as_object().unwrap();
    let names: BTreeSet<&str> = operations().iter().map(|operation| operation.id).collect();
    assert_eq!(names.len(), operations().len());
    let mut written = 0;
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            written += 1;
            let known =
                operations().iter().find(|one| one.path == path && one.method.as_str().eq_ignore_ascii_case(method));
            assert_eq!(known.unwrap().id, operation["operationId"].as_str().unwrap());
        }
    }
    assert_eq!(written, operations().len());
}

#[test]
fn every_operation_lists_codes_that_there_are() {
    for operation in operations() {
        let codes = operation.all_codes();
        assert!(operation.needs == Needs::Nothing || codes.contains(&"invalid_token"), "{operation:?}");
        for code in codes {
            assert!(Refusal::by_code(code).is_some(), "{operation:?}: {code}");
        }
    }
}

#[test]
fn every_schema_that_is_named_is_there_and_every_one_there_is_named() {
    fn references(value: &Value, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str().filter(|_| name == "$ref") {
                        Some(target) => drop(all.insert(target.to_owned())),
                        None => references(value, all),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, all)),
            _ => {}
        }
    }
    let mut named = BTreeSet::new();
    references(document(), &mut named);
    let there: BTreeSet<String> = document()["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| format!("#/components/schemas/{name}"))
        .collect();
    assert_eq!(named, there);
}

#[test]
fn no_schema_has_a_place_for_a_secret() {
    let text = document()["components"]["schemas"].to_string();
    assert!(!text.contains("\"secret\"") && !text.contains("\"token\""), "{text}");
}

#[test]
fn the_document_is_what_we_published() {
    let lines: Vec<String> = operations()
        .iter()
        .map(|operation| {
            let scope = match operation.needs {
                Needs::Nothing => "open".to_owned(),
                Needs::Token => "any token".to_owned(),
                Needs::Scope(scope) => scope.word().to_owned(),
            };
            format!("{:5} {} | {} | {scope} | {}", operation.method, operation.path, operation.id, operation.status)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
