//! What can be wrong with one field of a form, and the checks that find it: the same in the browser and on the server.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::accounts::{EMAIL_MAX, NAME_MAX, PASSWORD_MAX, PASSWORD_MIN, REASON_MAX};
use crate::keys::LABEL_MAX;
use crate::organizations::ORGANIZATION_NAME_MAX;

/// One field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field's name in the form.
    pub field: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// Nothing was given.
    Empty,
    /// Too many characters.
    TooLong {
        /// How many are allowed.
        max: u32,
    },
    /// Too few characters.
    TooShort {
        /// How many are needed.
        min: u32,
    },
    /// A password on a list of known ones, or made of what everybody knows about its person.
    TooCommon,
    /// Too many words or lines.
    TooMany {
        /// How many are allowed.
        max: u32,
    },
    /// Characters that cannot be seen: control characters, line breaks, direction overrides.
    Invisible,
    /// Not an email address.
    NotAnEmail,
    /// The terms were not accepted, or they changed since the page was loaded.
    TermsNotAccepted,
    /// Not one of the choices.
    NotAChoice,
    /// Not the id of such a thing.
    NotAnId,
    /// An address that somebody signs in with, where another kind of address is wanted.
    SignInAddress,
    /// Not a whole number within bounds.
    NotANumber {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// Not a moment, or not one in the future.
    NotInTheFuture,
    /// Not an IPv4 or IPv6 network.
    NotANetwork,
    /// Not a scope: a word of small letters, digits, `:`, `.`, `_` and `-`.
    NotAScope,
    /// Not an `http` or `https` address.
    NotAUrl,
    /// An address inside a private network, which the settings do not allow.
    PrivateAddress,
    /// Not the name of a place in a URL: small letters, digits and dashes.
    NotASlug,
    /// Something of end users would be kept.
    NothingOfEndUsers,
    /// Somebody or something else has it.
    Taken,
    /// Not a document that can be read: its form is wrong.
    NotReadable,
    /// Not a row of an import.
    NotARow,
    /// Not a SHA-256.
    NotASha256,
    /// The same stands on an earlier line.
    SameAsLine {
        /// Which, from 1.
        line: u64,
    },
    /// The key was imported before.
    KnownKey,
    /// Neither an organization, nor somebody who owns exactly one.
    NoSuchOrganization,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Fill this in."),
            Self::TooLong { max } => write!(f, "Use at most {max} characters."),
            Self::TooShort { min } => {
                write!(f, "Use at least {min} characters. A few unrelated words are easy to remember.")
            }
            Self::TooCommon => f.write_str(
                "This password is on lists of known passwords, or easy to guess from them or from your name. Choose a few unrelated words instead.",
            ),
            Self::TooMany { max } => write!(f, "Give at most {max}."),
            Self::Invisible => f.write_str("Remove the characters that cannot be seen, such as line breaks."),
            Self::NotAnEmail => f.write_str("Enter an address like name@example.com."),
            Self::TermsNotAccepted => f.write_str("Accept the terms to continue."),
            Self::NothingOfEndUsers => {
                f.write_str("Nothing is kept of end users. Choose “Not kept” for address and user agent, or other callers.")
            }
            Self::NotAChoice => f.write_str("Choose one of the options."),
            Self::NotAnId => f.write_str("Enter the whole id, as its page shows it."),
            Self::NotANumber { min, max } => write!(f, "Enter a whole number from {min} to {max}."),
            Self::NotInTheFuture => f.write_str("Choose a moment in the future."),
            Self::NotANetwork => f.write_str("Enter networks like 203.0.113.0/24 or 2001:db8::/32, one a line."),
            Self::NotAScope => {
                f.write_str("Use small letters, digits, `:`, `.`, `_` and `-`, such as places:read, one a line.")
            }
            Self::NotAUrl => f.write_str("Enter an address like https://api.example.com/v1."),
            Self::PrivateAddress => f.write_str(
                "This address is inside a private network. Allow it in the settings (gateway.private_upstreams) first.",
            ),
            Self::NotASlug => f.write_str("Use small letters, digits and dashes, such as weather-data."),
            Self::Taken => f.write_str("This one is taken. Choose another."),
            Self::NotReadable => f.write_str("This is not an OpenAPI 3 document in JSON. Check it and send it again."),
            Self::NotARow => f.write_str("Write sha256,label,organization,environment,expires_at; the last may be missing."),
            Self::NotASha256 => f.write_str("Give the SHA-256 of the key as 64 hexadecimal digits."),
            Self::SameAsLine { line } => write!(f, "The same key stands on line {line} already."),
            Self::KnownKey => f.write_str("This key was imported before."),
            Self::NoSuchOrganization => {
                f.write_str("Give the id of an organization, or the address of somebody who owns exactly one.")
            }
            Self::SignInAddress => f.write_str(
                "A member signs in with this address. Give one that belongs to the organization, or none.",
            ),
        }
    }
}

/// Collects the problems of a form, so that a person sees all of them at once.
#[derive(Debug, Default)]
pub struct Check {
    problems: Vec<FieldProblem>,
}

impl Check {
    /// Notes a problem.
    pub fn refuse(&mut self, field: &str, problem: Problem) {
        self.problems.push(FieldProblem { field: field.to_owned(), problem });
    }

    /// How many problems were noted so far.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.problems.len()
    }

    /// A person's name: any script, trimmed, no control characters.
    pub fn name(&mut self, field: &str, value: &str) -> String {
        self.line(field, value, NAME_MAX)
    }

    /// A key's label.
    pub fn label(&mut self, field: &str, value: &str) -> String {
        self.line(field, value, LABEL_MAX)
    }

    /// An organization's name.
    pub fn organization_name(&mut self, field: &str, value: &str) -> String {
        self.line(field, value, ORGANIZATION_NAME_MAX)
    }

    /// Why staff do something, in words that the person concerned reads.
    pub fn reason(&mut self, field: &str, value: &str) -> String {
        self.line(field, value, REASON_MAX)
    }

    /// What staff look for: a name, an address, an id.
    pub fn search(&mut self, field: &str, value: &str) -> String {
        self.line(field, value, EMAIL_MAX)
    }

    /// One line that must be given.
    pub fn line(&mut self, field: &str, value: &str, max: usize) -> String {
        let value = value.trim();
        if value.is_empty() {
            self.refuse(field, Problem::Empty);
        } else if value.chars().count() > max {
            self.refuse(field, Problem::TooLong { max: max as u32 });
        } else if value.chars().any(is_invisible) {
            self.refuse(field, Problem::Invisible);
        }
        value.to_owned()
    }

    /// Text that may be missing and may have lines: trimmed, line breaks brought into one form.
    pub fn text(&mut self, field: &str, value: &str, max: usize) -> String {
        let value = value.trim().replace("\r\n", "\n");
        if value.chars().count() > max {
            self.refuse(field, Problem::TooLong { max: max as u32 });
        } else if value.chars().any(|c| c != '\n' && is_invisible(c)) {
            self.refuse(field, Problem::Invisible);
        }
        value
    }

    /// An email address, trimmed. Its form only: one `@`, something before, a dot-free or dotted domain after; whether
    /// it exists is what the verification mail finds out.
    pub fn email(&mut self, field: &str, value: &str) -> String {
        let value = value.trim();
        if value.is_empty() {
            self.refuse(field, Problem::Empty);
        } else if value.len() > EMAIL_MAX {
            self.refuse(field, Problem::TooLong { max: EMAIL_MAX as u32 });
        } else if !looks_like_email(value) {
            self.refuse(field, Problem::NotAnEmail);
        }
        value.to_owned()
    }

    /// The length of a new password: any character, counted as Unicode scalars, never trimmed. Whether it is known is
    /// for the server to say.
    pub fn new_password(&mut self, field: &str, value: &str) {
        let length = value.chars().count();
        if length == 0 {
            self.refuse(field, Problem::Empty);
        } else if length < PASSWORD_MIN {
            self.refuse(field, Problem::TooShort { min: PASSWORD_MIN as u32 });
        } else if length > PASSWORD_MAX {
            self.refuse(field, Problem::TooLong { max: PASSWORD_MAX as u32 });
        }
    }

    /// The problems, if there are any.
    ///
    /// # Errors
    /// All problems noted so far.
    pub fn finish(self) -> Result<(), Vec<FieldProblem>> {
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems) }
    }
}

/// Control characters, line separators and direction overrides: they can forge what a person or a log reads.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn looks_like_email(value: &str) -> bool {
    let Some((local, domain)) = value.rsplit_once('@') else { return false };
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && !local.contains('@');
    let domain_ok = !domain.is_empty()
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
    local_ok && domain_ok && !value.chars().any(|c| c.is_whitespace() || is_invisible(c) || "<>()[],;:\\\"".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(check: impl FnOnce(&mut Check)) -> Vec<Problem> {
        let mut all = Check::default();
        check(&mut all);
        all.finish().err().unwrap_or_default().into_iter().map(|field| field.problem).collect()
    }

    #[test]
    fn names_of_every_script_are_accepted() {
        for name in ["Ada Lovelace", "नरेन्द्र", "محمد", "Zoë Ångström", "李", "e\u{301}ve"] {
            assert_eq!(problems(|check| drop(check.name("name", name))), [], "{name}");
        }
    }

    #[test]
    fn a_name_cannot_hide_what_it_is() {
        for name in ["Ada\nBcc: all@example.com", "Ada\0", "\u{202e}adA", "a\u{2028}b"] {
            assert_eq!(problems(|check| drop(check.name("name", name))), [Problem::Invisible], "{name:?}");
        }
        assert_eq!(problems(|check| drop(check.name("name", " \t "))), [Problem::Empty]);
        assert_eq!(problems(|check| drop(check.name("name", &"x".repeat(10_000)))), [Problem::TooLong { max: 200 }]);
    }

    #[test]
    fn addresses_are_checked_by_form_only() {
        for email in ["ada@example.com", "a+b@sub.example", "ada@localhost", "o'hara@example.ie", "用户@例子.公司"]
        {
            assert_eq!(problems(|check| drop(check.email("email", email))), [], "{email}");
        }
        for email in [
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "ada@exam ple.com",
            "ada@-x.com",
            "a@b@c",
            "ada@example..com",
            "ada@example.com\r\nBcc: x",
            "<ada@example.com>",
        ] {
            assert_eq!(problems(|check| drop(check.email("email", email))), [Problem::NotAnEmail], "{email}");
        }
    }

    #[test]
    fn a_password_is_counted_in_characters_and_never_trimmed() {
        assert_eq!(problems(|check| check.new_password("password", "short")), [Problem::TooShort { min: 15 }]);
        assert_eq!(problems(|check| check.new_password("password", &"ж".repeat(15))), []);
        assert_eq!(problems(|check| check.new_password("password", "пятнадцать букв")), []);
        assert_eq!(problems(|check| check.new_password("password", &" ".repeat(15))), []);
        assert_eq!(
            problems(|check| check.new_password("password", &"x".repeat(10_000))),
            [Problem::TooLong { max: 256 }]
        );
    }
}
