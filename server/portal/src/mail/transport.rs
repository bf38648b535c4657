//! Ways out of the outbox.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use super::{Mail, Sender};

/// Hands mails on.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Hands one mail on. May be called again for a mail that was handed on already, after a crash.
    ///
    /// # Errors
    /// If the mail was not handed on, or nobody can tell.
    async fn send(&self, mail: &Mail) -> Result<(), SendError>;
}

/// Why a mail was not handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendError {
    /// Whether it is worth trying again.
    pub temporary: bool,
    /// The whole reason, for the outbox. A mail server's answer may repeat the address.
    pub reason: String,
    /// The reason without what others wrote, for the log.
    pub summary: String,
}

impl SendError {
    /// It will fail again.
    pub(super) fn permanent(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { temporary: false, summary: reason.clone(), reason }
    }

    /// It may work later.
    pub(super) fn temporary(reason: impl Into<String>) -> Self {
        Self { temporary: true, ..Self::permanent(reason) }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

impl std::error::Error for SendError {}

/// Leaves mails in the outbox, where a page shows them: for the demo. Set `erase_sent_mails` to false with it.
#[derive(Clone, Copy, Debug)]
pub struct Preview;

#[async_trait]
impl Transport for Preview {
    async fn send(&self, _mail: &Mail) -> Result<(), SendError> {
        Ok(())
    }
}

/// Writes one `.eml` file for each mail, named by its id, readable for its owner only. A file is there whole or not at
/// all, and a mail that is sent again replaces its file.
#[derive(Clone, Debug)]
pub struct Directory {
    folder: PathBuf,
    from: Sender,
}

impl Directory {
    /// Writes to this folder, which is made when it is not there.
    #[must_use]
    pub fn new(folder: PathBuf, from: Sender) -> Self {
        Self { folder, from }
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(&self.folder).await?;
        let draft = self.folder.join(format!(".{name}.new"));
        let written = write_private(&draft, bytes).await;
        if written.is_err() {
            // Its own failure says less than the one that is reported.
            let _ = fs::remove_file(&draft).await;
        }
        written?;
        fs::rename(&draft, self.folder.join(format!("{name}.eml"))).await
    }
}

async fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Left behind by a crash.
    match fs::remove_file(file).await {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(file).await?;
    file.write_all(bytes).await?;
    // The outbox forgets the body afterwards, so it must be on the disk.
    file.sync_all().await
}

#[async_trait]
impl Transport for Directory {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = mail.message(&self.from)?.formatted();
        self.write(&mail.id.to_string(), &message)
            .await
            .map_err(|error| SendError::temporary(format!("The file could not be written: {error}.")))
    }
}
