//! The command line. Exit codes: 0 it worked, 1 it failed, 2 it was asked wrongly.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use contract::StaffRole;
use contract::audit_log::Verdict;
use contract::imports::{Alphabet, TypedImport};
use portal::privacy::retention::{self, Mode};

use crate::config::{Overrides, Settings};
use crate::serve::{self, Show, open_portal, system_op};
use crate::{demo, telemetry};

/// Developer portal, key service and gateway, whose privacy policy is executable.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true)]
struct Arguments {
    /// The settings file; without it, `countersign.toml` if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder for data: overrides `data.dir`.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the portal, the gateway and the operations listener.
    Serve,
    /// Run with a sample API, a mailbox page and a staff account, to look around.
    Demo {
        /// Call the sample API all the time, so that logs and charts are alive.
        #[arg(long)]
        traffic: bool,
    },
    /// Bring the database up to date and end.
    Migrate,
    /// Print the settings in force, secrets masked, with where each comes from.
    CheckConfig,
    /// Print the OpenAPI document of the REST API.
    Openapi,
    /// The people who run this portal.
    Staff {
        #[command(subcommand)]
        command: Staff,
    },
    /// Keys, and what they are sealed under.
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// The audit log.
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// Erase what is past its term.
    Retention {
        #[command(subcommand)]
        command: Retention,
    },
}

#[derive(Debug, Subcommand)]
enum Staff {
    /// Make an account staff, or change its role.
    Add {
        /// The address of the account; it must exist.
        email: String,
        /// owner, admin, support or auditor.
        #[arg(long, default_value = "owner", value_parser = role)]
        role: StaffRole,
    },
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Take over keys of another system, all or none. Each line of the file is
    /// `sha256,label,organization,environment,expires_at`; the organization is an id or the address of its owner, and the
    /// end may be missing.
    Import {
        /// The file, in CSV.
        file: PathBuf,
        /// How all old keys begin.
        #[arg(long, default_value = "")]
        prefix: String,
        /// Shortest old key, in characters.
        #[arg(long)]
        length_min: u32,
        /// Longest old key, in characters.
        #[arg(long)]
        length_max: u32,
        /// What they are made of: hex, base62, url or visible.
        #[arg(long, default_value = "base62", value_parser = alphabet)]
        alphabet: Alphabet,
    },
    /// Print how far each import is.
    Imports,
    /// Wrap every data key under the newest key-encryption key, and print which is in use. A start does it too.
    Rewrap,
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Read all events and say whether each is as it was written, or name the first that is not.
    Verify {
        /// What an earlier run printed as the head: proves that nothing was cut off since.
        #[arg(long, value_name = "SEQ:HASH", value_parser = noted)]
        noted: Option<Noted>,
    },
}

/// A head that was noted elsewhere.
#[derive(Clone, Debug)]
struct Noted {
    seq: i64,
    hash: String,
}

#[derive(Debug, Subcommand)]
enum Retention {
    /// Do it now.
    Run {
        /// Only say what would be erased.
        #[arg(long)]
        dry_run: bool,
    },
}

fn role(word: &str) -> Result<StaffRole, String> {
    StaffRole::from_word(word).ok_or_else(|| "use owner, admin, support or auditor".to_owned())
}

fn alphabet(word: &str) -> Result<Alphabet, String> {
    Alphabet::from_word(word).ok_or_else(|| "use hex, base62, url or visible".to_owned())
}

fn noted(text: &str) -> Result<Noted, String> {
    let wanted = || "use what `countersign audit verify` printed as the head, such as 12:3fa9…".to_owned();
    let (seq, hash) = text.split_once(':').ok_or_else(wanted)?;
    let seq = seq.parse().ok().filter(|seq| *seq >= 0).ok_or_else(wanted)?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hash { Ok(Noted { seq, hash: hash.to_owned() }) } else { Err(wanted()) }
}

/// Reads the arguments and does what they say.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked_for_help = !error.use_stderr();
            let _ = error.print(); // nowhere left to say that printing failed
            return if asked_for_help { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { config, data, command } = arguments;
    if let Command::Openapi = command {
        println!("{}", serde_json::to_string_pretty(crate::api::document())?);
        return Ok(());
    }
    let mut overrides = Overrides::new();
    if let Some(data) = &data {
        overrides = overrides.set("data.dir", data.to_str().context("--data: use a path in UTF-8")?);
    }
    if let Command::Demo { .. } = command {
        overrides = demo::overrides(overrides);
    }
    let settings = Settings::load(config.as_deref(), overrides)?;
    if let Command::CheckConfig = command {
        print!("{}", settings.describe());
        print!("{}", settings.describe_keks()?);
        return Ok(());
    }
    // Only ring is compiled in; installing it twice is the one way this fails.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime could not be started")?;
    runtime.block_on(async {
        match command {
            Command::Serve => {
                telemetry::start(&settings.log)?;
                serve::run(settings, Show::Production, async |_| Ok(())).await
            }
            Command::Demo { traffic } => {
                telemetry::start(&settings.log)?;
                demo::run(settings, traffic).await
            }
            Command::Migrate => migrate(&settings).await,
            Command::Staff { command: Staff::Add { email, role } } => add_staff(&settings, &email, role).await,
            Command::Keys { command } => keys(&settings, command).await,
            Command::Audit { command: Audit::Verify { noted } } => verify_audit_log(&settings, noted).await,
            Command::Retention { command: Retention::Run { dry_run } } => run_retention(&settings, dry_run).await,
            Command::CheckConfig | Command::Openapi => Ok(()),
        }
    })
}

async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    serve::open_database(settings).await?.close().await?;
    println!("The database is up to date.");
    Ok(())
}

async fn add_staff(settings: &Settings, email: &str, role: StaffRole) -> anyhow::Result<()> {
    let (portal, ..) = open_portal(settings).await?;
    portal::staff::add(&system_op(&portal), email, role).await.map_err(|error| match error {
        portal::Error::Refused(contract::Refusal::NotFound) => {
            anyhow::anyhow!("No account has this address. Sign up with it first.")
        }
        other => other.into(),
    })?;
    println!("{email} is staff now, as {}.", role.word());
    Ok(())
}

async fn keys(settings: &Settings, command: Keys) -> anyhow::Result<()> {
    let (portal, ..) = open_portal(settings).await?;
    let op = system_op(&portal);
    match command {
        Keys::Import { file, prefix, length_min, length_max, alphabet } => {
            let rows = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let (length_min, length_max) = (length_min.to_string(), length_max.to_string());
            let new = TypedImport { prefix, length_min, length_max, alphabet: alphabet.word().to_owned(), rows };
            let import = portal::imports::create(&op, &new).await.map_err(|error| match error {
                portal::Error::Refused(contract::Refusal::InvalidInput { fields }) => {
                    let lines = fields.iter().map(|field| format!("\n- {}: {}", field.field, field.problem));
                    anyhow::anyhow!("Nothing was imported:{}", lines.collect::<String>())
                }
                other => other.into(),
            })?;
            println!("Keys imported: {}, as {}.", import.keys, import.id);
        }
        Keys::Imports => {
            for import in portal::imports::list(&op).await? {
                println!(
                    "{} {:>7} keys {:>7} used since {:>7} not yet",
                    import.id,
                    import.keys,
                    import.rekeyed,
                    import.waiting()
                );
            }
        }
        Keys::Rewrap => {
            let rewrapped = portal::vault::rewrap(&portal).await?;
            println!("Data keys wrapped anew: {rewrapped}");
            for used in portal::vault::in_use(portal.db()).await? {
                println!("Data keys under {}: {}", used.id, used.data_keys);
            }
        }
    }
    Ok(())
}

async fn verify_audit_log(settings: &Settings, noted: Option<Noted>) -> anyhow::Result<()> {
    let (portal, ..) = open_portal(settings).await?;
    let noted = noted.as_ref().map(|noted| (noted.seq, noted.hash.as_str()));
    match portal::audit_log::verify(&system_op(&portal), noted).await? {
        Verdict::Sound { events, head } => {
            println!("Sound: {events} events, head {events}:{head}");
            Ok(())
        }
        Verdict::Broken { seq, why } => anyhow::bail!("Not sound: event {seq}: {why}."),
    }
}

async fn run_retention(settings: &Settings, dry_run: bool) -> anyhow::Result<()> {
    let (portal, ..) = open_portal(settings).await?;
    let mode = if dry_run { Mode::Count } else { Mode::Erase };
    let word = if dry_run { "would be erased" } else { "erased" };
    for one in retention::run(&system_op(&portal), mode).await? {
        println!("{:16} {:>8} {word}", one.table, one.rows);
    }
    Ok(())
}
