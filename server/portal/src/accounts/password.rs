//! Passwords: stored as Argon2id hashes, never shown, never logged, never kept longer than it takes to hash them.
//!
//! - Two hashes at a time, and a short line of those who wait. Whoever finds the line full is refused at once: a flood
//!   of sign-ins costs two cores and 92 MiB, and never a queue of minutes.
//! - A place is held until its hash is done, also when the browser that asked for it is gone meanwhile.
//! - An address without an account takes the same work as one with an account.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use contract::Refusal;
use contract::fields::{Check, Problem};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use super::blocklist;
use crate::Result;

/// Memory of one hash, in KiB: 46 MiB with one pass and one lane is OWASP's first choice for Argon2id.
const MEMORY_KIB: u32 = 46 * 1024;

/// Hashes at a time: each takes 46 MiB and a core, and sign-in must not starve the rest.
const AT_ONCE: usize = 2;

/// Who may wait for a place. A hash takes about 0.1 s, so the last in line waits 0.6 s: longer is worse than a refusal
/// that says to try again.
const WAITING: usize = 12;

/// When to come back if the line was full: it is empty by then.
const LINE_EMPTY_S: u32 = 1;

/// What the password of an unknown address is compared with: random bytes with today's parameters, so nothing matches.
const NOBODY: &str =
    "$argon2id$v=19$m=47104,t=1,p=1$ER6bTpKdjzK450lBb5XQCg$xZym9eNqELTpcIUk7YzjtO3fAc0QAnmtjp3iWGpV6jA";

/// A password on its way to its hash.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Takes what was typed, in Unicode's form NFKC: the same password typed on another keyboard, with `é` as one
    /// character or as two, with digits of full width or of half, is the same password.
    #[must_use]
    pub fn new(typed: String) -> Self {
        let typed = SecretString::from(typed);
        Self(typed.expose_secret().nfkc().collect::<String>().into())
    }

    pub(crate) fn typed(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Notes what is wrong with a new password: its length, or that somebody who guesses would try it early. `about` is
/// what they may know: the portal's name, the person's name, their address.
pub(crate) fn check_new(check: &mut Check, field: &str, password: &Password, about: &[&str]) {
    let before = check.count();
    check.new_password(field, password.typed());
    if check.count() == before && blocklist::is_known(password.typed(), about) {
        check.refuse(field, Problem::TooCommon);
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// It is the password.
    pub(crate) matches: bool,
    /// It is, and its hash was made with parameters of an earlier day: hash it anew and store that.
    pub(crate) rehash: bool,
}

/// Hashes and compares.
pub(crate) struct Passwords {
    line: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { line: Arc::new(Semaphore::new(AT_ONCE + WAITING)), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Takes every place in the line, so that a test sees who wants one.
    #[cfg(test)]
    pub(crate) fn fill(&self) -> tokio::sync::OwnedSemaphorePermit {
        Arc::clone(&self.line).try_acquire_many_owned((AT_ONCE + WAITING) as u32).unwrap()
    }

    /// The hash, as a PHC string with its own salt and parameters. Refused with [`Refusal::TooManyTries`] when too
    /// many wait.
    pub(crate) async fn hash(&self, password: &Password) -> Result<String> {
        let password = password.clone();
        self.work(move || {
            let hash =
                argon2()?.hash_password(password.typed().as_bytes()).map_err(|error| anyhow!("Argon2: {error}"))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password belongs to the hash. Without a hash the same work is done and the answer is no, so that
    /// the time does not tell whether there is an account. Refused with [`Refusal::TooManyTries`] when too many wait.
    pub(crate) async fn matches(&self, password: &Password, hash: Option<&str>) -> Result<Verdict> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let password = password.clone();
        self.work(move || {
            let hash =
                PasswordHash::new(&hash).map_err(|error| anyhow!("a stored password hash is damaged: {error}"))?;
            let fits = argon2()?.verify_password(password.typed().as_bytes(), &hash).is_ok();
            let matches = known && fits;
            Ok(Verdict { matches, rehash: matches && !is_current(&hash) })
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> Result<T> {
        let in_line = Arc::clone(&self.line)
            .try_acquire_owned()
            .map_err(|_| Refusal::TooManyTries { retry_after_s: LINE_EMPTY_S })?;
        let place = Arc::clone(&self.places).acquire_owned().await.context("the place for hashing was closed")?;
        let done = tokio::task::spawn_blocking(move || {
            // The job goes on when nobody waits for it any more, so the places belong to it and not to who waits.
            let _held = (Running::begin(), in_line, place);
            job()
        });
        Ok(done.await.context("hashing was interrupted")??)
    }
}

/// A hash that is being computed, for whoever watches: how many at this moment, and how many so far.
struct Running;

impl Running {
    fn begin() -> Self {
        metrics::counter!("countersign_password_hashes_total").increment(1);
        metrics::gauge!("countersign_password_hashes_running").increment(1.0);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("countersign_password_hashes_running").decrement(1.0);
    }
}

fn parameters() -> anyhow::Result<Params> {
    Params::new(MEMORY_KIB, 1, 1, None).map_err(|error| anyhow!("Argon2 parameters: {error}"))
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters()?))
}

/// Whether a hash made today would have these parameters.
fn is_current(hash: &PasswordHash) -> bool {
    let (Ok(made), Ok(today)) = (Params::try_from(hash), parameters()) else { return false };
    hash.algorithm == ARGON2ID_IDENT
        && hash.version == Some(u32::from(Version::V0x13))
        && (made.m_cost(), made.t_cost(), made.p_cost()) == (today.m_cost(), today.t_cost(), today.p_cost())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;
    use crate::Error;

    fn typed(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    const NO: Verdict = Verdict { matches: false, rehash: false };

    /// Claims: MAST-07, MAST-15
    #[tokio::test]
    async fn a_password_is_stored_as_argon2id_and_nothing_else() {
        let passwords = Passwords::new();
        let password = typed("correct horse battery");
        let hash = passwords.hash(&password).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{hash}");
        assert!(!hash.contains("correct"));
        assert_eq!(format!("{password:?}"), "Password");
        let yes = Verdict { matches: true, rehash: false };
        assert_eq!(passwords.matches(&password, Some(&hash)).await.unwrap(), yes);
        assert_eq!(passwords.matches(&typed("another"), Some(&hash)).await.unwrap(), NO);
        assert_eq!(passwords.matches(&password, None).await.unwrap(), NO);
    }

    /// Claims: MAST-07
    #[tokio::test]
    async fn the_same_characters_typed_in_another_way_are_the_same_password() {
        let passwords = Passwords::new();
        let hash = passwords.hash(&typed("caf\u{e9} \u{fb01}lled")).await.unwrap();
        assert!(passwords.matches(&typed("cafe\u{301} filled"), Some(&hash)).await.unwrap().matches);
        assert!(!passwords.matches(&typed("cafe filled"), Some(&hash)).await.unwrap().matches, "an accent counts");
    }

    #[tokio::test]
    async fn a_hash_with_the_parameters_of_an_earlier_day_is_made_anew_after_the_right_password_only() {
        let passwords = Passwords::new();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).unwrap());
        let hash = weak.hash_password(b"the password of yesterday").unwrap().to_string();
        let right = passwords.matches(&typed("the password of yesterday"), Some(&hash)).await.unwrap();
        assert_eq!(right, Verdict { matches: true, rehash: true });
        assert_eq!(passwords.matches(&typed("a guess"), Some(&hash)).await.unwrap(), NO);
    }

    /// The comparison of an unknown address has the parameters that a stored hash of today has, and goes the same way.
    ///
    /// Claims: MAST-07
    #[test]
    fn an_unknown_address_takes_the_work_of_a_known_one() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let today = PasswordHash::new(&argon2().unwrap().hash_password(b"anything").unwrap().to_string()).unwrap();
        assert!(is_current(&nobody));
        assert_eq!(nobody.params.to_string(), today.params.to_string());
        assert_eq!(nobody.salt.unwrap().len(), today.salt.unwrap().len());
        assert_eq!(nobody.hash.unwrap().len(), today.hash.unwrap().len());
    }

    /// Claims: MAST-07
    #[tokio::test]
    async fn two_hashes_run_at_a_time_twelve_wait_and_the_rest_is_refused_at_once() {
        let passwords = Arc::new(Passwords::new());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (started, starts) = mpsc::channel();
        let mut ends = Vec::new();
        let mut people = Vec::new();
        for _ in 0..AT_ONCE + WAITING {
            let (end, until_end) = mpsc::channel::<()>();
            ends.push(end);
            let (passwords, running, most) = (Arc::clone(&passwords), Arc::clone(&running), Arc::clone(&most));
            let started = started.clone();
            people.push(tokio::spawn(async move {
                let job = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    started.send(()).unwrap();
                    let _ = until_end.recv();
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                };
                passwords.work(job).await
            }));
        }
        // One thread runs the tasks, so this lets each of them come as far as it can.
        tokio::task::yield_now().await;
        starts.recv().unwrap();
        starts.recv().unwrap();
        for _ in 0..200 {
            match passwords.hash(&typed("one too many")).await {
                Err(Error::Refused(Refusal::TooManyTries { retry_after_s: 1 })) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(running.load(Ordering::SeqCst), AT_ONCE);
        drop(ends);
        for person in people {
            person.await.unwrap().unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
        assert!(passwords.hash(&typed("after the flood")).await.is_ok());
    }

    /// Otherwise a browser that asks and leaves, again and again, starts as many hashes as it likes.
    #[tokio::test]
    async fn a_hash_keeps_its_place_when_the_browser_that_asked_is_gone() {
        let passwords = Arc::new(Passwords::new());
        let (started, starts) = mpsc::channel();
        let (end, until_end) = mpsc::channel::<()>();
        let (ended, ends) = mpsc::channel();
        let theirs = Arc::clone(&passwords);
        let browser = tokio::spawn(async move {
            let job = move || {
                started.send(()).unwrap();
                let _ = until_end.recv();
                ended.send(()).unwrap();
                Ok(())
            };
            theirs.work(job).await
        });
        tokio::task::yield_now().await;
        starts.recv().unwrap();
        browser.abort();
        assert!(browser.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.places.available_permits(), AT_ONCE - 1);
        drop(end);
        ends.recv().unwrap();
        let all = passwords.places.acquire_many(AT_ONCE as u32).await.unwrap();
        assert_eq!(all.num_permits(), AT_ONCE);
    }

    /// Claims: MAST-07
    #[test]
    fn a_new_password_is_measured_by_what_it_has_to_hold_and_looked_up() {
        let problems = |text: &str| {
            let mut check = Check::default();
            check_new(&mut check, "password", &typed(text), &["Countersign", "Ada", "ada@example.com"]);
            check.finish().err().unwrap_or_default().into_iter().map(|field| field.problem).collect::<Vec<_>>()
        };
        assert_eq!(problems("kX9mq2Zw"), [Problem::TooShort { min: 15 }]);
        assert_eq!(problems("passwordpassword"), [Problem::TooCommon]);
        assert_eq!(problems("countersigncountersign"), [Problem::TooCommon]);
        assert_eq!(problems("eleven green kettles sing"), []);
        assert_eq!(problems(&"x".repeat(257)), [Problem::TooLong { max: 256 }]);
    }
}
