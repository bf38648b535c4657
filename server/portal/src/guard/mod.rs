//! The guard: what stands before a door that strangers may try.
//!
//! - [`Guard::check`] spends one try, before any password is hashed or any row is read for it.
//! - [`Guard::sign_up`] asks for a proof of work, and lets a few through without one, for people without a script.
//!
//! All of it is in memory. A restart forgets who tried how often; passwords take their time to hash all the same.

use std::fmt;

use chrono::{DateTime, Utc};
use contract::Refusal;

use crate::Op;
use crate::sessions::DeviceToken;

mod limits;
mod proof;

pub use limits::{Door, REST_AT_ONCE, REST_PER_SECOND, Source};
use limits::{Limits, Target};
pub use proof::{LIFETIME as PROOF_LIFETIME, Proof, Proofs, Proven, Purpose};

/// The browser that a request came from, as far as verbs need to know it.
#[derive(Clone, Debug)]
pub struct Browser {
    /// What it calls itself, shortened for people: "Firefox on Linux".
    pub label: String,
    /// By what accounts know it again.
    pub device: Option<DeviceToken>,
    /// Where it is, as far as limits need to know.
    pub source: Source,
}

impl Browser {
    /// Of jobs and the command line.
    #[must_use]
    pub const fn none() -> Self {
        Self { label: String::new(), device: None, source: Source::unknown() }
    }
}

/// What stands before the doors of one process.
pub struct Guard {
    limits: Limits,
    proofs: Proofs,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

impl Guard {
    /// With a secret to sign challenges with. What it signs ends with the process: which solutions were used is
    /// forgotten then.
    #[must_use]
    pub fn new(proof_key: [u8; 32]) -> Self {
        Self { limits: Limits::new(), proofs: Proofs::new(&proof_key) }
    }

    /// Spends one try at a door. Ask before the work that the door guards, and refuse with what it answers. `account`
    /// is the address it aims at, folded, whether it has an account or not; `known_device` says that the browser's
    /// device cookie belongs to that very account.
    ///
    /// # Errors
    /// [`Refusal::TooManyTries`]: the same for an address with an account and for one without.
    pub fn check(
        &self,
        door: Door,
        now: DateTime<Utc>,
        source: &Source,
        account: Option<&str>,
        known_device: bool,
    ) -> Result<(), Refusal> {
        let target = match account {
            Some(address) if known_device => Target::OwnDevice(address),
            Some(address) => Target::Address(address),
            None => Target::Nobody,
        };
        self.limits.spend(door, now, source, target)
    }

    /// Spends one try at sign-up. Without a proof there are a few an hour for each source.
    ///
    /// # Errors
    /// [`Refusal::ProofRequired`] when those are used up, and for a proof that was made for something else;
    /// [`Refusal::TooManyTries`].
    pub fn sign_up(&self, now: DateTime<Utc>, source: &Source, address: &str, proven: &Proven) -> Result<(), Refusal> {
        match proven {
            Proven::Yes(proof) if proof.purpose() == Purpose::SignUp => {}
            Proven::Yes(_) => return Err(Refusal::ProofRequired),
            Proven::No => self
                .limits
                .spend(Door::SignUpWithoutProof, now, source, Target::Nobody)
                .map_err(|_| Refusal::ProofRequired)?,
        }
        self.limits.spend(Door::SignUp, now, source, Target::Address(address))
    }

    /// Spends one look at a string that may be a key. Without a proof there are a few an hour for each source.
    ///
    /// # Errors
    /// [`Refusal::ProofRequired`] when those are used up, and for a proof that was made for something else;
    /// [`Refusal::TooManyTries`].
    pub fn leak_check(&self, now: DateTime<Utc>, source: &Source, proven: &Proven) -> Result<(), Refusal> {
        match proven {
            Proven::Yes(proof) if proof.purpose() == Purpose::LeakCheck => {}
            Proven::Yes(_) => return Err(Refusal::ProofRequired),
            Proven::No => self
                .limits
                .spend(Door::LeakCheckWithoutProof, now, source, Target::Nobody)
                .map_err(|_| Refusal::ProofRequired)?,
        }
        self.limits.spend(Door::LeakCheck, now, source, Target::Nobody)
    }

    /// Challenges and solutions.
    #[must_use]
    pub const fn proof(&self) -> &Proofs {
        &self.proofs
    }
}

/// A challenge for a form with this purpose, as JSON.
///
/// # Errors
/// [`Refusal::NotFound`] for a purpose that no form has; [`Refusal::TooManyTries`].
pub fn challenge(op: &Op, purpose: &str) -> crate::Result<String> {
    let purpose = Purpose::from_word(purpose).ok_or(Refusal::NotFound)?;
    op.portal.guard().check(Door::Challenge, op.now, &op.browser.source, None, false)?;
    op.portal.guard().proof().challenge(purpose, op.now)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::IpAddr;

    use chrono::TimeDelta;

    use super::*;
    use crate::testing::{at, start};

    /// Claims: S002-20
    #[test]
    fn a_few_sign_up_without_a_script_and_then_a_proof_is_asked_for() {
        let guard = Guard::new([1; 32]);
        let source = Source::new(IpAddr::from([192, 0, 2, 1]));
        let sign_up = |now, number: u32| guard.sign_up(now, &source, &format!("{number}@example.com"), &Proven::No);
        for number in 0..5 {
            assert_eq!(sign_up(start(), number), Ok(()));
        }
        assert_eq!(sign_up(start(), 5), Err(Refusal::ProofRequired));
        assert_eq!(sign_up(at(TimeDelta::minutes(20)), 6), Ok(()));
        let neighbour = Source::new(IpAddr::from([192, 0, 2, 2]));
        assert_eq!(guard.sign_up(start(), &neighbour, "7@example.com", &Proven::No), Ok(()));
    }

    #[test]
    fn nobody_is_sent_more_than_a_few_sign_up_mails() {
        let guard = Guard::new([1; 32]);
        let passed = (0..200u8)
            .filter(|number| {
                let source = Source::new(IpAddr::from([198, 51, 100, *number]));
                guard.sign_up(start(), &source, "ada@example.com", &Proven::No).is_ok()
            })
            .count();
        assert_eq!(passed, 5);
    }
}
