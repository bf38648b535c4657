//! Proof of work: a form costs its sender half a second of computing, instead of a riddle.
//!
//! - Protocol and checks are those of `altcha`, version 2. A challenge names its purpose and its end, and both are
//!   signed with all the rest. We keep its end in its data and not in the protocol's `expiresAt`, because the crate
//!   compares that with a clock of its own.
//! - A solution works once, within [`LIFETIME`]: the nonce is taken in one step. Which were used is kept in memory, so
//!   the keys are new with each process: then a solution does not outlive what was kept.
//! - The more solutions are used, the more work the next challenge is. The server's own work stays the same: one
//!   derivation for a challenge, one HMAC for an answer.
//! - The solver is `app/js/proof.js`, of our own origin, without a third party.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::BuildHasher as _;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use altcha::{CreateChallengeOptions, Payload, VerifySolutionOptions, create_challenge, verify_solution};
use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use contract::Refusal;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{Result, tokens};

/// From challenge to form: nobody needs longer to fill in a few fields, and the script starts anew if they do.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(20);

/// Native in every browser (`crypto.subtle`), so that an honest browser is as fast as a spammer's program.
const ALGORITHM: &str = "PBKDF2/SHA-256";

/// Longest answer: a real one has about 700 bytes.
const ANSWER_MAX: usize = 4_096;

/// Used solutions that are kept, at about 100 bytes each. Filling it takes hours of computing within the lifetime.
const KEPT_MAX: usize = 65_536;

/// So many used solutions within the lifetime double the work, as many more triple it, and so on.
const BUSY: usize = 200;

/// The work grows no further: a telephone needs ten seconds for it.
const FACTOR_MAX: u32 = 16;

/// What a form is for. A proof for one is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new account.
    SignUp,
    /// A message to the operator.
    Contact,
    /// A look at a string that may be a key.
    LeakCheck,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SignUp, Self::Contact, Self::LeakCheck];

    /// The word in addresses and challenges.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::Contact => "contact",
            Self::LeakCheck => "leak_check",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }
}

/// Work was proven, for this purpose, by a solution that nobody used before.
#[derive(Debug, PartialEq, Eq)]
pub struct Proof {
    purpose: Purpose,
}

impl Proof {
    /// What it was for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// Whether a form came with a proof.
#[derive(Debug, PartialEq, Eq)]
pub enum Proven {
    /// It did.
    Yes(Proof),
    /// There was none: no script ran.
    No,
}

/// How much work a challenge is.
#[derive(Clone, Debug)]
struct Work {
    /// Rounds of one attempt. Enough that they outweigh what a browser spends on starting an attempt.
    rounds: u32,
    /// Attempts, drawn from here. About 450 of a millisecond each on a telephone.
    attempts: RangeInclusive<u32>,
}

const WORK: Work = Work { rounds: 1_000, attempts: 300..=600 };

#[derive(Default)]
struct Used {
    nonces: HashSet<String>,
    // In the order they came, each with when it may be forgotten.
    order: VecDeque<(DateTime<Utc>, String)>,
}

impl Used {
    fn forget(&mut self, now: DateTime<Utc>) {
        while self.order.front().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, nonce)) = self.order.pop_front() {
                self.nonces.remove(&nonce);
            }
        }
    }
}

/// Gives challenges and takes solutions.
pub struct Proofs {
    challenge_key: SecretString,
    solution_key: SecretString,
    work: Work,
    used: Mutex<Used>,
}

impl Proofs {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self::with_work(key, WORK)
    }

    fn with_work(key: &[u8; 32], work: Work) -> Self {
        let process = RandomState::new().hash_one(()).to_le_bytes();
        let derive = |use_of_it: &str| {
            let hash = Sha256::new().chain_update(key).chain_update(process).chain_update(use_of_it).finalize();
            SecretString::from(tokens::hex(&hash))
        };
        Self {
            challenge_key: derive("proof of work: challenges"),
            solution_key: derive("proof of work: solutions"),
            work,
            used: Mutex::default(),
        }
    }

    /// A challenge, as JSON for the browser.
    ///
    /// # Errors
    /// Only when the system gives no randomness.
    pub fn challenge(&self, purpose: Purpose, now: DateTime<Utc>) -> Result<String> {
        let busy = self.with_used(|used| {
            used.forget(now);
            used.order.len() / BUSY
        });
        let factor = u32::try_from(busy).unwrap_or(FACTOR_MAX).saturating_add(1).min(FACTOR_MAX);
        let counter = one_of(&self.work.attempts)?.saturating_mul(factor);
        let data = BTreeMap::from([
            ("ends".to_owned(), Value::from((now + LIFETIME).timestamp_millis())),
            ("purpose".to_owned(), Value::from(purpose.word())),
        ]);
        let challenge = create_challenge(CreateChallengeOptions {
            algorithm: ALGORITHM.to_owned(),
            cost: self.work.rounds,
            counter: Some(counter),
            data: Some(data),
            hmac_signature_secret: Some(self.challenge_key.expose_secret().to_owned()),
            hmac_key_signature_secret: Some(self.solution_key.expose_secret().to_owned()),
            ..CreateChallengeOptions::default()
        })
        .map_err(|error| anyhow!("a challenge could not be made: {error}"))?;
        Ok(serde_json::to_string(&challenge).context("a challenge could not be written")?)
    }

    /// Takes what a form brought. Nothing at all is [`Proven::No`], for those without a script.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub fn read(&self, purpose: Purpose, now: DateTime<Utc>, answer: &str) -> Result<Proven, Refusal> {
        if answer.is_empty() { Ok(Proven::No) } else { self.check(purpose, now, answer).map(Proven::Yes) }
    }

    /// Takes a solution; it is used then. Ask after the fields were checked: a form that comes back for a field needs
    /// a new one.
    ///
    /// # Errors
    /// [`Refusal::ProofRequired`], the same for every defect: forged, wrong, too old, used, for another purpose.
    /// [`Refusal::TooManyTries`] when more were used than can be kept.
    pub fn check(&self, purpose: Purpose, now: DateTime<Utc>, answer: &str) -> Result<Proof, Refusal> {
        let nonce = self.verified(purpose, now, answer).ok_or(Refusal::ProofRequired)?;
        self.with_used(|used| {
            used.forget(now);
            if used.order.len() >= KEPT_MAX {
                return Err(Refusal::TooManyTries { retry_after_s: 60 });
            }
            if !used.nonces.insert(nonce.clone()) {
                return Err(Refusal::ProofRequired);
            }
            // Twice the lifetime: a challenge may come from a request whose clock was a little ahead.
            used.order.push_back((now + LIFETIME * 2, nonce));
            Ok(Proof { purpose })
        })
    }

    /// The nonce of a solution that is right, for this purpose, and in time.
    fn verified(&self, purpose: Purpose, now: DateTime<Utc>, answer: &str) -> Option<String> {
        if answer.len() > ANSWER_MAX {
            return None;
        }
        let Payload { challenge, solution } = serde_json::from_str(answer).ok()?;
        let verdict = verify_solution(VerifySolutionOptions {
            hmac_key_signature_secret: Some(self.solution_key.expose_secret().to_owned()),
            ..VerifySolutionOptions::new(&challenge, &solution, self.challenge_key.expose_secret())
        });
        // From here on the challenge is ours, word for word.
        let data = challenge.parameters.data.filter(|_| verdict.is_ok_and(|verdict| verdict.verified))?;
        let ends = data.get("ends")?.as_i64()?;
        let meant = data.get("purpose")?.as_str()?;
        (meant == purpose.word() && now.timestamp_millis() < ends).then_some(challenge.parameters.nonce)
    }

    fn with_used<T>(&self, change: impl FnOnce(&mut Used) -> T) -> T {
        // A set and a list of what is in it: no panic can come between the two.
        change(&mut self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn one_of(range: &RangeInclusive<u32>) -> anyhow::Result<u32> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no randomness: {error}"))?;
    let width = range.end().saturating_sub(*range.start()).saturating_add(1).max(1);
    Ok(range.start().saturating_add(u32::from_le_bytes(bytes) % width))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::io::Write as _;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::Barrier;
    use std::thread;

    use altcha::{Challenge, SolveChallengeOptions, solve_challenge};
    use serde_json::json;

    use super::*;
    use crate::testing::{at, start};

    const EASY: Work = Work { rounds: 2, attempts: 5..=10 };

    fn proofs() -> Proofs {
        Proofs::with_work(&[3; 32], EASY)
    }

    fn parse(challenge: &str) -> Challenge {
        serde_json::from_str(challenge).unwrap()
    }

    fn solved(challenge: &str) -> String {
        let challenge = parse(challenge);
        let solution = solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
        serde_json::to_string(&Payload { challenge, solution }).unwrap()
    }

    fn answer(proofs: &Proofs, purpose: Purpose) -> String {
        solved(&proofs.challenge(purpose, start()).unwrap())
    }

    fn attempts(challenge: &str) -> u32 {
        solve_challenge(SolveChallengeOptions::new(&parse(challenge))).unwrap().unwrap().counter
    }

    /// Claims: S002-20
    #[test]
    fn one_solution_sent_fifty_times_at_the_same_moment_is_accepted_once() {
        let proofs = proofs();
        let answer = answer(&proofs, Purpose::SignUp);
        let ready = Barrier::new(50);
        let accepted: usize = thread::scope(|scope| {
            let sent: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        ready.wait();
                        usize::from(proofs.check(Purpose::SignUp, start(), &answer).is_ok())
                    })
                })
                .collect();
            sent.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!(accepted, 1);
        let later = at(LIFETIME - TimeDelta::milliseconds(1));
        assert_eq!(proofs.check(Purpose::SignUp, later, &answer), Err(Refusal::ProofRequired));
    }

    #[test]
    fn a_solution_works_within_its_lifetime_and_not_a_moment_longer() {
        let proofs = proofs();
        let (early, late) = (answer(&proofs, Purpose::SignUp), answer(&proofs, Purpose::SignUp));
        assert!(proofs.check(Purpose::SignUp, at(LIFETIME - TimeDelta::milliseconds(1)), &early).is_ok());
        assert_eq!(proofs.check(Purpose::SignUp, at(LIFETIME), &late), Err(Refusal::ProofRequired));
    }

    #[test]
    fn a_solution_for_one_purpose_is_worth_nothing_for_another() {
        let proofs = proofs();
        let answer = answer(&proofs, Purpose::Contact);
        assert_eq!(proofs.check(Purpose::SignUp, start(), &answer), Err(Refusal::ProofRequired));
        assert_eq!(proofs.check(Purpose::Contact, start(), &answer).unwrap().purpose(), Purpose::Contact);
    }

    /// Every field of the challenge is changed in turn, digits are moved from one to the next (CVE-2025-68113), and
    /// whole challenges are made up, with no work or without a signature.
    #[test]
    fn no_field_of_a_challenge_can_be_changed() {
        let proofs = proofs();
        let good: Value = serde_json::from_str(&answer(&proofs, Purpose::SignUp)).unwrap();
        let mut forged = Vec::new();
        let ends = good["challenge"]["parameters"]["data"]["ends"].as_i64().unwrap();
        let changes = [
            ("/challenge/parameters/data/ends", json!(ends * 10)),
            ("/challenge/parameters/data/ends", json!(ends + 1)),
            ("/challenge/parameters/data/ends", json!(format!("{ends}0"))),
            ("/challenge/parameters/data/purpose", json!("contact")),
            ("/challenge/parameters/data", json!({})),
            ("/challenge/parameters/data", Value::Null),
            ("/challenge/parameters/cost", json!(0)),
            ("/challenge/parameters/cost", json!(1)),
            ("/challenge/parameters/keyPrefix", json!("")),
            ("/challenge/parameters/keyLength", json!(0)),
            ("/challenge/parameters/keySignature", json!("")),
            ("/challenge/parameters/keySignature", Value::Null),
            ("/challenge/parameters/algorithm", json!("SHA-256")),
            ("/challenge/parameters/nonce", json!("00".repeat(16))),
            ("/challenge/parameters/salt", json!("00".repeat(16))),
            ("/challenge/signature", json!("")),
            ("/challenge/signature", Value::Null),
            ("/challenge/signature", json!("00".repeat(32))),
            ("/solution/derivedKey", json!("")),
            ("/solution/derivedKey", json!("00".repeat(32))),
            ("/solution/derivedKey", json!("not hexadecimal")),
        ];
        for (place, value) in changes {
            let mut changed = good.clone();
            *changed.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
            forged.push(changed.to_string());
        }
        let mut spliced = good.clone();
        let text = |place: &str| good["challenge"]["parameters"][place].as_str().unwrap().to_owned();
        spliced["challenge"]["parameters"]["nonce"] = json!(format!("{}{}", text("nonce"), &text("salt")[..2]));
        spliced["challenge"]["parameters"]["salt"] = json!(&text("salt")[2..]);
        forged.push(spliced.to_string());
        let easier = Proofs::with_work(&[4; 32], Work { rounds: 1, attempts: 0..=0 });
        let before_a_restart = Proofs::with_work(&[3; 32], EASY);
        forged.extend([answer(&easier, Purpose::SignUp), answer(&before_a_restart, Purpose::SignUp)]);
        for forged in forged {
            assert_eq!(proofs.check(Purpose::SignUp, start(), &forged), Err(Refusal::ProofRequired), "{forged}");
        }
        assert!(proofs.check(Purpose::SignUp, start(), &good.to_string()).is_ok());
    }

    #[test]
    fn garbage_is_no_proof_and_nothing_at_all_is_none() {
        let proofs = proofs();
        let deep = "[".repeat(4_000);
        let long = " ".repeat(1 << 20);
        for garbage in
            ["0", "null", "{}", "\0", "{\"challenge\":{},\"solution\":{}}", "ٱلْحَمْدُ", deep.as_str(), long.as_str()]
        {
            assert_eq!(proofs.read(Purpose::SignUp, start(), garbage), Err(Refusal::ProofRequired));
        }
        assert_eq!(proofs.read(Purpose::SignUp, start(), ""), Ok(Proven::No));
    }

    #[test]
    fn work_grows_while_many_solutions_are_used_and_shrinks_again() {
        let proofs = Proofs::with_work(&[3; 32], Work { rounds: 1, attempts: 7..=7 });
        assert_eq!(attempts(&proofs.challenge(Purpose::SignUp, start()).unwrap()), 7);
        for _ in 0..BUSY {
            proofs.check(Purpose::SignUp, start(), &answer(&proofs, Purpose::SignUp)).unwrap();
        }
        assert_eq!(attempts(&proofs.challenge(Purpose::SignUp, start()).unwrap()), 14);
        assert_eq!(attempts(&proofs.challenge(Purpose::SignUp, at(LIFETIME * 2)).unwrap()), 7);
        assert_eq!(proofs.used.lock().unwrap().nonces.len(), 0, "what is over is not kept");
    }

    /// The solver that browsers run, with the real amount of work. Node has the same `crypto.subtle`.
    #[test]
    fn what_our_script_computes_is_accepted() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../app/js/proof.js");
        let program = "const { solve } = await import(process.argv[1]); let text = ''; \
             for await (const part of process.stdin) text += part; \
             const challenge = JSON.parse(text); \
             process.stdout.write(JSON.stringify({ challenge, solution: await solve(challenge) }));";
        let mut node = Command::new("node")
            .args(["--input-type=module", "-e", program, script.canonicalize().unwrap().to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node must be installed");
        let proofs = Proofs::new(&[3; 32]);
        let challenge = proofs.challenge(Purpose::SignUp, start()).unwrap();
        node.stdin.take().unwrap().write_all(challenge.as_bytes()).unwrap();
        let output = node.wait_with_output().unwrap();
        assert!(output.status.success());
        let answer = String::from_utf8(output.stdout).unwrap();
        assert_eq!(proofs.check(Purpose::SignUp, start(), &answer), Ok(Proof { purpose: Purpose::SignUp }));
    }
}
