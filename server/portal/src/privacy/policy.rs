//! The published page, rendered from the register.

use contract::policies::{PrivacyPolicy, Promise, StoredCategory, StoredItem};
use sha2::{Digest as _, Sha256};

use super::register::{Category, Entry, REGISTER};
use crate::tokens::hex;

/// A sentence, and the tests that prove it. A test of ours checks that every named test exists.
pub(crate) struct Kept {
    pub(crate) sentence: &'static str,
    pub(crate) tests: &'static [&'static str],
    pub(crate) claims: &'static [&'static str],
}

/// What we promise. A sentence without a test cannot be published.
pub(crate) const PROMISES: &[Kept] = &[
    Kept {
        sentence: "What stands on this page is all that we store: every column of the database is listed below.",
        tests: &["every_stored_column_is_in_the_register_and_every_entry_is_stored"],
        claims: &["MAST-14"],
    },
    Kept {
        sentence: "Passwords exist only as Argon2id hashes. Nobody here, and nothing we run, can read one.",
        tests: &["a_password_is_stored_as_argon2id_and_nothing_else", "no_secret_stands_anywhere_in_the_database"],
        claims: &["MAST-07", "MAST-15"],
    },
    Kept {
        sentence: "Of a passkey we store what is public. What signs stays on your devices.",
        tests: &["what_signs_is_nowhere_in_the_database"],
        claims: &["MAST-16"],
    },
    Kept {
        sentence: "A key’s secret is shown to you once. Before that it does not exist; afterwards only its keyed hash does.",
        tests: &["a_secret_is_shown_once_to_its_owner", "no_secret_stands_anywhere_in_the_database"],
        claims: &["FLOW-60", "MAST-30"],
    },
    Kept {
        sentence: "No mail carries a secret: it carries a link that works once, for a day, for you.",
        tests: &["a_mail_carries_a_link_and_never_a_secret"],
        claims: &["MAST-18", "FLOW-37"],
    },
    Kept {
        sentence: "Request logs are kept for 90 days, or for fewer where an API says so below. After that they are not shown, and are erased within the hour.",
        tests: &["request_logs_are_gone_after_ninety_days", "an_api_that_keeps_rows_for_less_has_them_gone_then"],
        claims: &["FLOW-54"],
    },
    Kept {
        sentence: "Before a row of the log reaches the database it waits in a file that only our program may read, as a rule for less than a second. Once it is stored, it leaves that file.",
        tests: &["rows_that_were_stored_leave_the_disk_at_once", "folder_and_files_of_the_spool_are_their_owners_only"],
        claims: &["MAST-14", "MAST-15"],
    },
    Kept {
        sentence: "Request logs hold no query, header or body, of you or of your users.",
        tests: &[
            "every_stored_column_is_in_the_register_and_every_entry_is_stored",
            "a_row_holds_of_the_caller_the_key_and_what_the_profile_of_its_api_keeps",
        ],
        claims: &["FLOW-18", "CARD-18"],
    },
    Kept {
        sentence: "Network address and user agent of a calling program are kept only by the APIs that say so below, and never of end users or browsers.",
        tests: &[
            "nothing_can_be_kept_of_end_users",
            "the_database_takes_no_address_without_a_policy_that_keeps_it",
            "a_row_names_its_caller_as_the_profile_of_its_api_says_and_no_more",
            "what_a_profile_does_not_keep_stands_nowhere",
        ],
        claims: &["MAST-23", "MASA-08", "S002-06", "FLOW-16", "FLOW-17"],
    },
    Kept {
        sentence: "An address that an API keeps for 7 days is not shown after that, and is erased within the hour.",
        tests: &["an_address_that_is_kept_for_seven_days_is_gone_after_seven_days"],
        claims: &["MASA-08"],
    },
    Kept {
        sentence: "Every number in a chart is a sum of rows in the log: both are written together, or neither.",
        tests: &["usage_is_the_sum_of_the_rows"],
        claims: &["MAST-26", "FLOW-11"],
    },
    Kept {
        sentence: "Nobody but the members of your organization and our staff sees your keys and logs.",
        tests: &["someone_elses_key_is_not_found", "a_developer_sees_only_rows_of_the_own_organization"],
        claims: &["MASA-27"],
    },
    Kept {
        sentence: "The address of somebody you invite is erased when they answer, when you take the invitation back, and after 7 days.",
        tests: &[
            "an_invitation_lets_exactly_the_invited_address_in_once",
            "the_address_of_an_invitation_goes_when_it_is_declined_taken_back_or_replaced",
            "an_invitation_is_refused_after_seven_days_and_its_address_is_erased",
        ],
        claims: &["FLOW-07", "FLOW-56"],
    },
    Kept {
        sentence: "Our pages load nothing from other sites and set no cookie but the ones that sign you in and keep your theme and an unfinished form.",
        tests: &["pages load nothing from other sites and set only declared cookies"],
        claims: &["MASA-31", "MASA-32"],
    },
];

/// The page.
#[must_use]
pub fn policy() -> PrivacyPolicy {
    let promises = PROMISES
        .iter()
        .map(|kept| Promise {
            sentence: kept.sentence.to_owned(),
            tests: kept.tests.iter().map(|name| (*name).to_owned()).collect(),
            claims: kept.claims.iter().map(|id| (*id).to_owned()).collect(),
        })
        .collect();
    let categories = Category::ALL.into_iter().map(category).collect();
    PrivacyPolicy { version: hex(&Sha256::digest(format!("{REGISTER:?}").as_bytes())[..6]), promises, categories }
}

fn category(category: Category) -> StoredCategory {
    let entries: Vec<&Entry> = REGISTER.iter().filter(|entry| entry.category == category).collect();
    let mut items: Vec<StoredItem> = Vec::new();
    for entry in &entries {
        let column = format!("{}.{}", entry.table, entry.column);
        let retention = entry.retention.sentence(entry.table);
        match items.iter_mut().find(|item| item.what == entry.what && item.retention == retention) {
            Some(item) => item.columns.push(column),
            None => items.push(StoredItem {
                what: entry.what.to_owned(),
                purposes: list(entry.purposes.iter().map(|purpose| purpose.sentence())),
                retention,
                columns: vec![column],
            }),
        }
    }
    let mut recipients: Vec<&str> =
        entries.iter().flat_map(|entry| entry.recipients).map(|recipient| recipient.name()).collect();
    recipients.dedup();
    let mut subjects: Vec<&str> = entries.iter().map(|entry| entry.subject.name()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    StoredCategory {
        word: category.word().to_owned(),
        name: category.name().to_owned(),
        subject: list(subjects.into_iter()),
        basis: category.basis().sentence(),
        recipients: if recipients.is_empty() { "nobody".to_owned() } else { list(recipients.into_iter()) },
        protection: category.protection().to_owned(),
        items,
    }
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
