//! The pepper: from the settings, or from a file that is made once.
//!
//! Two processes that start at the same moment end with the same pepper, and a crash leaves a whole file or none.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use secrecy::ExposeSecret as _;

use super::{Data, Security};

const FILE: &str = "pepper";

impl Security {
    /// The pepper. Makes it, and the data folder, at the first start.
    ///
    /// # Errors
    /// If its file cannot be read or made, holds something else, or is readable for everybody.
    pub fn pepper(&self, data: &Data) -> anyhow::Result<[u8; 32]> {
        match &self.pepper {
            Some(text) => parse(text.expose_secret()).ok_or_else(|| anyhow!("the pepper is not 64 hexadecimal digits")),
            None => from_file(data),
        }
    }
}

/// Reads 64 hexadecimal digits.
pub(super) fn parse(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut pepper = [0; 32];
    for (place, byte) in pepper.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(pepper)
}

fn from_file(data: &Data) -> anyhow::Result<[u8; 32]> {
    let file = data.dir.join(FILE);
    if let Some(pepper) = read(&file)? {
        return Ok(pepper);
    }
    data.prepare()?;
    make(data, &file)?;
    read(&file)?.with_context(|| format!("{} vanished while it was made", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Option<[u8; 32]>> {
    let name = file.display();
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("could not read {name}"))?,
    };
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(file)?.permissions());
        ensure!(mode & 0o007 == 0, "{name} holds a secret, but everybody can read it; run `chmod 600 {name}`");
    }
    let pepper = parse(text.trim_end());
    ensure!(pepper.is_some(), "{name} does not hold 64 hexadecimal digits; restore it from a backup");
    Ok(pepper)
}

fn make(data: &Data, file: &Path) -> anyhow::Result<()> {
    let mut random = [0; 32 + 8];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no randomness for the pepper: {error}"))?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let draft = data.dir.join(format!("{FILE}.{}.new", hex(&random[32..])));
    let made = write(&draft, &hex(&random[..32])).and_then(|()| {
        // A link, not a rename: it fails when another process was first, and theirs may already be in use.
        match fs::hard_link(&draft, file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    let made = made.with_context(|| format!("could not make {}", file.display()));
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!("Could not remove {}: {error}", draft.display());
    }
    made
}

fn write(draft: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    writeln!(file, "{text}")?;
    // The keys that depend on it may be stored before the next flush of the disk.
    file.sync_all()
}
