//! Passwords: stored as Argon2id hashes, never shown, never logged, never kept longer than it takes to hash them.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

/// Memory of one hash, in KiB: 46 MiB with one pass and one lane is OWASP's first choice for Argon2id.
const MEMORY_KIB: u32 = 46 * 1024;

/// Hashes at a time: each takes 46 MiB and a core, and sign-in must not starve the rest.
const AT_ONCE: usize = 2;

/// A password on its way to its hash.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Takes what was typed.
    #[must_use]
    pub fn new(typed: String) -> Self {
        Self(typed.into())
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

/// Hashes and compares.
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The hash, as a PHC string with its own salt and parameters.
    pub(crate) async fn hash(&self, password: &Password) -> anyhow::Result<String> {
        let password = password.clone();
        self.work(move |argon2| {
            let hash = argon2.hash_password(password.typed().as_bytes()).map_err(|error| anyhow!("Argon2: {error}"))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password belongs to the hash. Without a hash it takes as long and answers no, so that the time
    /// does not tell whether there is an account.
    pub(crate) async fn matches(&self, password: &Password, hash: Option<&str>) -> anyhow::Result<bool> {
        let Some(hash) = hash.map(str::to_owned) else {
            self.hash(password).await?;
            return Ok(false);
        };
        let password = password.clone();
        self.work(move |argon2| {
            let hash =
                PasswordHash::new(&hash).map_err(|error| anyhow!("a stored password hash is damaged: {error}"))?;
            Ok(argon2.verify_password(password.typed().as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce(Argon2<'static>) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let _place = self.places.acquire().await.context("the place for hashing was closed")?;
        let parameters = Params::new(MEMORY_KIB, 1, 1, None).map_err(|error| anyhow!("Argon2 parameters: {error}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        tokio::task::spawn_blocking(move || job(argon2)).await.context("hashing was interrupted")?
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Claims: MAST-07, MAST-15
    #[tokio::test]
    async fn a_password_is_stored_as_argon2id_and_nothing_else() {
        let passwords = Passwords::new();
        let password = Password::new("correct horse battery".to_owned());
        let hash = passwords.hash(&password).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{hash}");
        assert!(!hash.contains("correct"));
        assert_eq!(format!("{password:?}"), "Password");
        assert!(passwords.matches(&password, Some(&hash)).await.unwrap());
        assert!(!passwords.matches(&Password::new("another".to_owned()), Some(&hash)).await.unwrap());
        assert!(!passwords.matches(&password, None).await.unwrap());
    }
}
