//! Pepper and key-encryption key: from the settings, or each from a file that is made once.
//!
//! - Each is a list, the newest first: a new one is put in front, and the old one goes once nothing needs it.
//! - Two processes that start at the same moment end with the same ones, and a crash leaves a whole file or none.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Data, Security};

const PEPPER: &str = "pepper";
const KEK: &str = "kek";

/// A secret and those before it. Cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Generations {
    /// The one that new things are made with.
    pub newest: [u8; 32],
    /// Those that are still recognised, the newest first.
    pub older: Vec<[u8; 32]>,
}

impl std::fmt::Debug for Generations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Generations")
    }
}

impl Security {
    /// The peppers. Makes one, and the data folder, at the first start.
    ///
    /// # Errors
    /// If their file cannot be read or made, holds something else, or is readable for everybody.
    pub fn peppers(&self, data: &Data) -> anyhow::Result<Generations> {
        generations(self.pepper.as_ref(), data, PEPPER)
    }

    /// The key-encryption keys, likewise.
    ///
    /// # Errors
    /// Those of [`Self::peppers`].
    pub fn keks(&self, data: &Data) -> anyhow::Result<Generations> {
        generations(self.kek.as_ref(), data, KEK)
    }

    /// The same without making one: nothing before the first start.
    ///
    /// # Errors
    /// Those of [`Self::peppers`].
    pub fn known_keks(&self, data: &Data) -> anyhow::Result<Option<Generations>> {
        match &self.kek {
            Some(text) => Ok(parse(text.expose_secret())),
            None => read(&data.dir.join(KEK)),
        }
    }
}

fn generations(given: Option<&SecretString>, data: &Data, file: &'static str) -> anyhow::Result<Generations> {
    match given {
        Some(text) => parse(text.expose_secret()).ok_or_else(|| anyhow!("the {file} is not 64 hexadecimal digits")),
        None => from_file(data, file),
    }
}

/// Reads secrets of 64 hexadecimal digits each, separated by commas or lines, the newest first.
pub(super) fn parse(text: &str) -> Option<Generations> {
    let mut all = text.split([',', '\n']).map(str::trim).filter(|one| !one.is_empty()).map(parse_one);
    Some(Generations { newest: all.next()??, older: all.collect::<Option<_>>()? })
}

fn parse_one(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut secret = [0; 32];
    for (place, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(secret)
}

fn from_file(data: &Data, name: &'static str) -> anyhow::Result<Generations> {
    let file = data.dir.join(name);
    if let Some(secrets) = read(&file)? {
        return Ok(secrets);
    }
    data.prepare()?;
    make(data, name, &file)?;
    read(&file)?.with_context(|| format!("{} vanished while it was made", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Option<Generations>> {
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
    let secrets = parse(&text);
    ensure!(secrets.is_some(), "{name} does not hold 64 hexadecimal digits a line; restore it from a backup");
    Ok(secrets)
}

fn make(data: &Data, name: &'static str, file: &Path) -> anyhow::Result<()> {
    let mut random = [0; 32 + 8];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no randomness for the {name}: {error}"))?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let draft = data.dir.join(format!("{name}.{}.new", hex(&random[32..])));
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
