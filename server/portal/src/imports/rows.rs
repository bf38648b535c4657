//! The rows of an import, read and checked before anything is stored.

use std::collections::HashMap;

use contract::fields::{Check, Problem};
use contract::imports::ROWS_MAX;
use contract::keys::terms;
use contract::{Environment, Millis, OrganizationId};

/// Problems that are reported at most: whoever has more has one mistake in all lines.
const PROBLEMS_MAX: usize = 100;

/// One key, as its row says.
pub(super) struct Row {
    /// In the file, from 1.
    pub(super) line: u64,
    pub(super) sha256: [u8; 32],
    pub(super) label: String,
    pub(super) owner: Owner,
    pub(super) environment: Environment,
    pub(super) expires_at: Option<Millis>,
}

/// Whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Organization(OrganizationId),
    /// An address, folded.
    Person(String),
}

/// The place of a problem, as it is reported.
pub(super) fn place(line: u64, column: &str) -> String {
    format!("line {line}, {column}")
}

/// Whether there is room for another problem.
pub(super) fn goes_on(check: &Check) -> bool {
    check.count() < PROBLEMS_MAX
}

/// Reads `sha256,label,organization,environment,expires_at`, one key a line, with or without a first line that says so.
/// A text that stands twice is named.
pub(super) fn read(check: &mut Check, text: &str, now: Millis) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let (mut rows, mut seen) = (Vec::new(), HashMap::new());
    for record in reader.records() {
        if !goes_on(check) {
            break;
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                check.refuse(&place(line, "row"), Problem::NotARow);
                break;
            }
        };
        let line = record.position().map_or(1, csv::Position::line);
        let column = |number: usize| record.get(number).unwrap_or_default();
        if line == 1 && column(0).to_ascii_lowercase().starts_with("sha256") {
            continue;
        }
        if record.len() > 5 {
            check.refuse(&place(line, "row"), Problem::NotARow);
            continue;
        }
        if rows.len() == ROWS_MAX {
            check.refuse(&place(line, "row"), Problem::TooMany { max: ROWS_MAX as u32 });
            break;
        }
        let before = check.count();
        let sha256 = hash(column(0));
        match sha256 {
            None => check.refuse(&place(line, "sha256"), Problem::NotASha256),
            Some(sha256) => {
                if let Some(first) = seen.insert(sha256, line) {
                    check.refuse(&place(line, "sha256"), Problem::SameAsLine { line: first });
                }
            }
        }
        let label = check.label(&place(line, "label"), column(1));
        let owner = owner(column(2));
        if owner.is_none() {
            check.refuse(&place(line, "organization"), Problem::NoSuchOrganization);
        }
        let environment = Environment::from_word(column(3));
        if environment.is_none() {
            check.refuse(&place(line, "environment"), Problem::NotAChoice);
        }
        let mut of_end = Check::default();
        let expires_at = terms::end(&mut of_end, column(4), now, None);
        if of_end.count() > 0 {
            check.refuse(&place(line, "expires_at"), Problem::NotInTheFuture);
        }
        if let (Some(sha256), Some(owner), Some(environment)) = (sha256, owner, environment)
            && check.count() == before
        {
            rows.push(Row { line, sha256, label, owner, environment, expires_at });
        }
    }
    if rows.is_empty() && check.count() == 0 {
        check.refuse("rows", Problem::Empty);
    }
    rows
}

fn hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(hash)
}

fn owner(text: &str) -> Option<Owner> {
    if text.contains('@') {
        let mut check = Check::default();
        let email = check.email("", text);
        return (check.count() == 0).then_some(Owner::Person(email));
    }
    text.parse().ok().map(Owner::Organization)
}
