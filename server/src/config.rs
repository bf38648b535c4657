//! Settings: embedded defaults ← file ← environment ← what the command sets itself.
//!
//! - `config.default.toml` is the one list of keys: its values are the defaults, its comments the documentation.
//! - An unknown key is an error that names the nearest known one; settings that contradict each other are an error.
//! - All problems are reported at once, each in a sentence, none with the text of a secret.
//! - This file is the only one that reads the environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use contract::fields::Check;
use contract::keys::format::is_prefix;
use ipnet::IpNet;
use portal::leaks::ProgrammeKey;
use portal::mail::{Sender, SmtpLogin, SmtpSettings, SmtpTls};
use secrecy::{ExposeSecret, SecretString};
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

mod root_secrets;
mod url;

pub use root_secrets::Generations;
pub use url::PublicUrl;

const DEFAULTS: &str = include_str!("../config.default.toml");

/// The file that is read without being asked for.
const DEFAULT_FILE: &str = "countersign.toml";

const VARIABLE_PREFIX: &str = "COUNTERSIGN_";

/// Keys whose values are never shown.
const SECRETS: [&str; 4] = ["gateway.service_tokens", "mail.smtp_password", "security.kek", "security.pepper"];

/// Shortest service token, in characters: 32 hexadecimal digits are 128 bits.
const SERVICE_TOKEN_MIN: usize = 32;

/// Longest time a setting may ask to wait: beyond an hour it is a mistake in the unit.
const LONGEST_WAIT_S: i64 = 3_600;

/// Longest life of what waits for a person: thirty days.
const LONGEST_LIFE_S: i64 = 2_592_000;

/// Longest idle time of a session, and of a connection: a day.
const LONGEST_IDLE_S: i64 = 86_400;

/// Most connections of one API: beyond a million, no machine has the sockets.
const UPGRADES_MOST: i64 = 1_000_000;

/// Shortest idle time of a session: the last use is stored to five minutes.
const SHORTEST_IDLE_S: i64 = 300;

/// What the program runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The portal's listener and name.
    pub portal: Portal,
    /// The gateway's listener and limits.
    pub gateway: Gateway,
    /// The operations listener.
    pub ops: Ops,
    /// Where data is kept.
    pub database: Database,
    /// Where files are kept.
    pub data: Data,
    /// How mails leave.
    pub mail: Mail,
    /// Waiting times of accounts.
    pub accounts: Accounts,
    /// When sessions end.
    pub sessions: Sessions,
    /// What staff need.
    pub staff: Staff,
    /// Who may report leaked keys.
    pub leaks: Leaks,
    /// Secrets of the portal.
    pub security: Security,
    /// Log lines.
    pub log: Log,
    in_force: BTreeMap<String, InForce>,
}

/// `[portal]`
#[derive(Clone, Debug)]
pub struct Portal {
    /// Where it listens.
    pub addr: SocketAddr,
    /// How browsers reach it.
    pub public_url: PublicUrl,
    /// What it is called.
    pub name: String,
    /// Proxies in front of it, whose word on the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
}

impl Portal {
    /// Whether cookies are marked `Secure`: browsers drop such cookies on plain http.
    #[must_use]
    pub fn secure_cookies(&self) -> bool {
        self.public_url.is_https()
    }
}

/// `[gateway]`
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Where it listens.
    pub addr: SocketAddr,
    /// How API consumers reach it.
    pub public_url: PublicUrl,
    /// What every key starts with.
    pub key_prefix: String,
    /// The longest that any API may give its upstream.
    pub upstream_timeout: Duration,
    /// Whether staff may register an API at an address inside a private network.
    pub private_upstreams: PrivateUpstreams,
    /// Proxies in front of it, whose word on the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// What opens `POST /verify`.
    pub service_tokens: Vec<SecretString>,
    /// How long a shutdown waits for requests under way.
    pub drain: Duration,
    /// How long a client may take nothing of its answer.
    pub client_timeout: Duration,
    /// How many upgraded connections may be open to one API.
    pub upgrades_max: usize,
    /// How long nothing may pass on one.
    pub upgrade_idle: Duration,
}

/// Whether staff may register an API at an address inside a private network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateUpstreams {
    /// They may not.
    Refused,
    /// They may.
    Allowed,
}

/// `[ops]`
#[derive(Clone, Debug)]
pub struct Ops {
    /// Where it listens.
    pub addr: SocketAddr,
}

/// `[database]`
#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`, with the default filled in. A secret because it may hold a password.
    pub url: SecretString,
}

/// `[data]`
#[derive(Clone, Debug)]
pub struct Data {
    /// The folder for files of our own.
    pub dir: PathBuf,
}

impl Data {
    /// Makes the folder, for its owner only, if it is not there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn prepare(&self) -> anyhow::Result<()> {
        use anyhow::Context as _;
        let mut folder = std::fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&self.dir).with_context(|| format!("could not make the data folder {}", self.dir.display()))
    }
}

/// `[mail]`
#[derive(Clone, Debug)]
pub struct Mail {
    /// Whom mails come from.
    pub from: Sender,
    /// How mails leave.
    pub transport: MailTransport,
}

/// How mails leave.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// To a mail server.
    Smtp(SmtpSettings),
    /// Into this folder, one file each.
    Directory(PathBuf),
    /// Not at all: they stay in the outbox and are shown on a page.
    Preview,
}

/// `[accounts]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// How long a recovery by mail waits.
    pub recovery_wait: TimeDelta,
}

/// `[sessions]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// Without use, a session ends after this long.
    pub idle: TimeDelta,
    /// However much it is used, it ends after this long.
    pub life: TimeDelta,
}

/// `[staff]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staff {
    /// Whether the operator's desk opens with a passkey only.
    pub passkeys: StaffPasskeys,
}

/// Whether the operator's desk opens with a passkey only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffPasskeys {
    /// It does.
    Required,
    /// A password is enough: on loopback only.
    Optional,
}

/// `[leaks]`
#[derive(Clone, Debug)]
pub struct Leaks {
    /// Keys of programmes that may report leaked keys.
    pub programmes: Vec<ProgrammeKey>,
}

/// `[security]`
#[derive(Clone, Debug)]
pub struct Security {
    /// Absent when it stands in a file of the data folder.
    pepper: Option<SecretString>,
    /// The same.
    kek: Option<SecretString>,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// The form of lines.
    pub format: LogFormat,
    /// Which lines, in the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Values that a command sets over everything else, such as `--data`. Written like the value of a variable.
#[derive(Clone, Debug, Default)]
pub struct Overrides(Vec<(&'static str, String)>);

impl Overrides {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key, such as `data.dir`.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.push((key, value.into()));
        self
    }
}

/// Everything that is wrong with the settings, a sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// The sentences.
    #[must_use]
    pub fn sentences(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The settings cannot be used:")?;
        self.0.iter().try_for_each(|sentence| write!(f, "\n- {sentence}"))
    }
}

impl std::error::Error for Problems {}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Default,
    File(String),
    Environment,
    Command,
}

/// A value, and where it came from; without a value, the problem was noted already.
#[derive(Clone, Debug)]
struct InForce {
    value: Option<Value>,
    source: Source,
}

/// What settings are made from.
struct Inputs {
    /// Name and text.
    file: Option<(String, String)>,
    /// All variables; those that are not ours are passed over.
    environment: Vec<(String, OsString)>,
    overrides: Overrides,
}

impl Settings {
    /// Reads the settings. `file` is the one named with `--config`.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, Problems> {
        let file = read_file(file)?;
        Self::from_inputs(Inputs { file, environment: environment(), overrides })
    }

    fn from_inputs(inputs: Inputs) -> Result<Self, Problems> {
        let mut merge = Merge::of_defaults()?;
        if let Some((name, text)) = &inputs.file {
            merge.file(name, text);
        }
        for (name, value) in &inputs.environment {
            merge.variable(name, value);
        }
        for (key, value) in &inputs.overrides.0 {
            merge.set_text(key, key, value, Source::Command);
        }
        let mut reader = Reader { in_force: merge.in_force, problems: merge.problems };
        let settings = reader.settings();
        match settings {
            Some(settings) if reader.problems.is_empty() => Ok(settings.showing(reader.in_force)),
            _ => Err(Problems(reader.problems)),
        }
    }

    /// Keeps what may be shown: secrets masked, and values that follow from others filled in.
    fn showing(mut self, mut in_force: BTreeMap<String, InForce>) -> Self {
        let mut show = |key: &str, shown: String| {
            if let Some(known) = in_force.get_mut(key)
                && (!SECRETS.contains(&key) || known.value != Some(Value::from("")))
            {
                known.value = Some(Value::from(shown));
            }
        };
        for key in SECRETS {
            show(key, "********".to_owned());
        }
        show("database.url", url::without_password(self.database.url.expose_secret()));
        if let MailTransport::Directory(folder) = &self.mail.transport {
            show("mail.directory", folder.display().to_string());
        }
        self.in_force = in_force;
        self
    }

    /// What is in force, as TOML: every key with its value, secrets masked, and where the value came from.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for (key, InForce { value, source }) in &self.in_force {
            let (Some((of, name)), Some(value)) = (key.split_once('.'), value) else { continue };
            if of != section {
                let gap = if section.is_empty() { "" } else { "\n" };
                text.push_str(&format!("{gap}[{of}]\n"));
                section = of;
            }
            let from = match source {
                Source::Default => "default".to_owned(),
                Source::File(file) => format!("file {file}"),
                Source::Environment => format!("environment {}", variable_of(key)),
                Source::Command => "set by the command".to_owned(),
            };
            text.push_str(&format!("{name} = {value} # {from}\n"));
        }
        text
    }
}

impl Settings {
    /// Which key-encryption keys are known, as comments: their ids, which tell nothing about them.
    ///
    /// # Errors
    /// If their file cannot be read.
    pub fn describe_keks(&self) -> anyhow::Result<String> {
        let Some(known) = self.security.known_keks(&self.data)? else {
            return Ok("\n# A key-encryption key is made at the first start.\n".to_owned());
        };
        let mut text = format!("\n# Key-encryption key {} wraps data keys.\n", portal::vault::kek_id(&known.newest));
        for older in &known.older {
            text.push_str(&format!("# Key-encryption key {} only unwraps them.\n", portal::vault::kek_id(older)));
        }
        Ok(text)
    }
}

fn read_file(named: Option<&Path>) -> Result<Option<(String, String)>, Problems> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.display().to_string(), text))),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problems(vec![format!("The settings file {} cannot be read: {error}.", path.display())])),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment() -> Vec<(String, OsString)> {
    std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value)).collect()
}

/// `portal.addr` → `COUNTERSIGN_PORTAL__ADDR`
fn variable_of(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// Kubernetes announces a service named `countersign` in variables that look like ours.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || ["_TCP", "_UDP", "_SCTP"]
            .iter()
            .any(|protocol| name.ends_with(protocol) || name.contains(&format!("{protocol}_")))
        || (name.ends_with("_PORT") && is_address)
}

/// Puts one source over another.
struct Merge {
    in_force: BTreeMap<String, InForce>,
    problems: Vec<String>,
}

impl Merge {
    fn of_defaults() -> Result<Self, Problems> {
        let table: Table = DEFAULTS.parse().map_err(|error| Problems(vec![format!("The defaults: {error}")]))?;
        let mut in_force = BTreeMap::new();
        for (section, keys) in table {
            for (name, value) in keys.as_table().into_iter().flatten() {
                let value = InForce { value: Some(value.clone()), source: Source::Default };
                in_force.insert(format!("{section}.{name}"), value);
            }
        }
        Ok(Self { in_force, problems: Vec::new() })
    }

    fn file(&mut self, name: &str, text: &str) {
        let table: Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                // Not the error's own display: it quotes the line, which may hold a password.
                let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                let reason = toml::de::Error::message(&error).trim().replace('\n', ", ");
                self.problems.push(format!("Line {line} of {name} is not TOML: {reason}."));
                return;
            }
        };
        for (section, keys) in table {
            match keys {
                Value::Table(keys) => {
                    for (key, value) in keys {
                        let key = format!("{section}.{key}");
                        self.set(&key, &format!("`{key}` in {name}"), value, Source::File(name.to_owned()));
                    }
                }
                _ if self.in_force.keys().any(|key| key.starts_with(&format!("{section}."))) => {
                    self.problems.push(format!("`{section}` in {name} must be a section: write `[{section}]`."));
                }
                value => self.set(&section, &format!("`{section}` in {name}"), value, Source::File(name.to_owned())),
            }
        }
    }

    fn variable(&mut self, name: &str, value: &OsStr) {
        let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else { return };
        let Some(value) = value.to_str() else {
            self.problems.push(format!("The variable `{name}` holds bytes that are not text in UTF-8."));
            return;
        };
        if is_of_kubernetes(name, value) {
            return;
        }
        let key = rest.to_lowercase().replacen("__", ".", 1);
        if self.in_force.contains_key(&key) && variable_of(&key) == name {
            self.set_text(&key, name, value, Source::Environment);
        } else {
            let nearest = variable_of(&self.nearest(&key));
            self.problems.push(format!("The variable `{name}` is not known; the nearest known one is `{nearest}`."));
        }
    }

    /// Sets a value that is given as text: it becomes what the default is.
    fn set_text(&mut self, key: &str, name: &str, text: &str, source: Source) {
        let wants_number = self.in_force.get(key).is_some_and(|known| matches!(known.value, Some(Value::Integer(_))));
        let value = match text.trim().parse::<i64>() {
            Ok(number) if wants_number => Value::from(number),
            _ => Value::from(text),
        };
        self.set(key, &format!("`{name}`"), value, source);
    }

    fn set(&mut self, key: &str, name: &str, value: Value, source: Source) {
        let Some(known) = self.in_force.get(key) else {
            let nearest = self.nearest(key);
            self.problems.push(format!("{name} is not a known key; the nearest known one is `{nearest}`."));
            return;
        };
        let wanted = match &known.value {
            Some(Value::Integer(_)) => "a whole number",
            // Also where an earlier source was refused: nearly all keys are texts, and numbers are kept in their place.
            _ => "a text",
        };
        let fits = known.value.as_ref().is_none_or(|default| default.same_type(&value));
        if !fits {
            self.problems.push(format!("{name} is {}, but it must be {wanted}.", given(key, &value)));
        }
        self.in_force.insert(key.to_owned(), InForce { value: fits.then_some(value), source });
    }

    fn nearest(&self, key: &str) -> String {
        let name_of = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        self.in_force
            .keys()
            .min_by_key(|known| {
                // A right name in the wrong section is nearer than a similar name in the right one.
                let whole = strsim::damerau_levenshtein(key, known);
                let name = strsim::damerau_levenshtein(&name_of(key), &name_of(known));
                (whole.min(name * 2 + 1), whole)
            })
            .cloned()
            .unwrap_or_default()
    }
}

/// What was given, for a sentence; of secrets, the type only.
fn given(key: &str, value: &Value) -> String {
    let kind = match value {
        Value::String(_) => "the text",
        Value::Integer(_) | Value::Float(_) => "the number",
        Value::Boolean(_) => "the value",
        Value::Datetime(_) => "the time",
        Value::Array(_) => return "a list".to_owned(),
        Value::Table(_) => return "a section".to_owned(),
    };
    match value {
        _ if is_private(key) => format!("{kind} that was given"),
        Value::String(text) => format!("{kind} `{text}`"),
        value => format!("{kind} {value}"),
    }
}

/// Whether a value must not stand in an error message.
fn is_private(key: &str) -> bool {
    SECRETS.contains(&key) || key == "database.url"
}

/// Makes typed settings, and notes what keeps a value from being one.
struct Reader {
    in_force: BTreeMap<String, InForce>,
    problems: Vec<String>,
}

impl Reader {
    fn settings(&mut self) -> Option<Settings> {
        let data = self.folder();
        let portal = self.portal();
        let gateway = self.gateway();
        let ops = self.address("ops.addr").map(|addr| Ops { addr });
        let database = self.database(data.as_ref());
        let mail = self.mail(data.as_ref(), portal.as_ref());
        let accounts = self.seconds("accounts.recovery_wait_s", 1, LONGEST_LIFE_S);
        let sessions = self.sessions();
        let staff = self.staff(portal.as_ref());
        let leaks = self.leaks();
        let security = self.security();
        let log = self.log();
        self.refuse_shared_addresses();
        Some(Settings {
            portal: portal?,
            gateway: gateway?,
            ops: ops?,
            database: database?,
            data: data?,
            mail: mail?,
            accounts: Accounts { recovery_wait: accounts? },
            sessions: sessions?,
            staff: staff?,
            leaks: leaks?,
            security: security?,
            log: log?,
            in_force: BTreeMap::new(),
        })
    }

    fn portal(&mut self) -> Option<Portal> {
        let addr = self.address("portal.addr");
        let public_url = self.public_url("portal.public_url");
        let name = self.checked("portal.name", "a name of 1 to 200 visible characters", |text| {
            let mut check = Check::default();
            let name = check.name("", text);
            check.finish().ok().map(|()| name)
        });
        let trusted_proxies = self.networks("portal.trusted_proxies");
        Some(Portal { addr: addr?, public_url: public_url?, name: name?, trusted_proxies: trusted_proxies? })
    }

    fn networks(&mut self, key: &'static str) -> Option<Vec<IpNet>> {
        self.checked(key, "networks such as `10.0.0.0/8`, separated by commas", |text| {
            let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
            networks.map(contract::keys::terms::network).collect()
        })
    }

    fn gateway(&mut self) -> Option<Gateway> {
        let addr = self.address("gateway.addr");
        let public_url = self.public_url("gateway.public_url");
        let key_prefix = self.checked("gateway.key_prefix", "2 to 12 characters of a-z and 0-9", |text| {
            is_prefix(text).then(|| text.to_owned())
        });
        let upstream_timeout = self.number("gateway.upstream_timeout_s", 1, LONGEST_WAIT_S);
        let choices = [("refused", PrivateUpstreams::Refused), ("allowed", PrivateUpstreams::Allowed)];
        let private_upstreams = self.choice("gateway.private_upstreams", choices);
        let trusted_proxies = self.networks("gateway.trusted_proxies");
        let service_tokens = self.checked(
            "gateway.service_tokens",
            "tokens of at least 32 characters without spaces, separated by commas",
            |text| {
                let tokens = text.split(',').map(str::trim).filter(|token| !token.is_empty());
                let read = |token: &str| {
                    let usable = token.len() >= SERVICE_TOKEN_MIN && token.bytes().all(|byte| byte.is_ascii_graphic());
                    usable.then(|| SecretString::from(token))
                };
                tokens.map(read).collect()
            },
        );
        let drain = self.number("gateway.drain_s", 0, LONGEST_WAIT_S);
        let client_timeout = self.number("gateway.client_timeout_s", 1, LONGEST_WAIT_S);
        let upgrades_max = self.number("gateway.upgrades_max", 0, UPGRADES_MOST);
        let upgrade_idle = self.number("gateway.upgrade_idle_s", 1, LONGEST_IDLE_S);
        Some(Gateway {
            addr: addr?,
            public_url: public_url?,
            key_prefix: key_prefix?,
            upstream_timeout: Duration::from_secs(upstream_timeout?),
            private_upstreams: private_upstreams?,
            trusted_proxies: trusted_proxies?,
            service_tokens: service_tokens?,
            drain: Duration::from_secs(drain?),
            client_timeout: Duration::from_secs(client_timeout?),
            upgrades_max: usize::try_from(upgrades_max?).unwrap_or(usize::MAX),
            upgrade_idle: Duration::from_secs(upgrade_idle?),
        })
    }

    fn leaks(&mut self) -> Option<Leaks> {
        let wanted = "entries such as `github:key-id:MFkw…`, separated by commas, each with a public key on the curve P-256 as the lines of its PEM file hold it";
        let programmes = self.checked("leaks.programmes", wanted, |text| {
            text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(ProgrammeKey::parse).collect()
        });
        Some(Leaks { programmes: programmes? })
    }

    fn database(&mut self, data: Option<&Data>) -> Option<Database> {
        let text = self.text("database.url")?;
        let url = if text.is_empty() {
            url::of_sqlite_file(&data?.dir.join("countersign.db"))
        } else if ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            text
        } else {
            let given = match text.split_once("://") {
                Some((scheme, _)) => format!("starts with `{scheme}://`"),
                None => "has no scheme".to_owned(),
            };
            let name = self.name_of("database.url");
            self.problems.push(format!("{name} {given}, but it must start with `sqlite://` or `postgres://`."));
            return None;
        };
        Some(Database { url: SecretString::from(url) })
    }

    fn folder(&mut self) -> Option<Data> {
        self.checked("data.dir", "the name of a folder", |text| (!text.is_empty()).then(|| PathBuf::from(text)))
            .map(|dir| Data { dir })
    }

    fn mail(&mut self, data: Option<&Data>, portal: Option<&Portal>) -> Option<Mail> {
        enum Word {
            Smtp,
            Directory,
            Preview,
        }
        let choices = [("smtp", Word::Smtp), ("directory", Word::Directory), ("preview", Word::Preview)];
        let word = self.choice("mail.transport", choices);
        let directory = self.text("mail.directory");
        let from = self.checked("mail.from", "an address, or a name and an address in angle brackets", sender);
        let smtp = self.smtp(matches!(word, Some(Word::Smtp)));
        if let (Some(Word::Preview), Some(portal)) = (&word, portal) {
            // Mails hold links that sign for their owner.
            self.refuse_unless_loopback(
                portal,
                "`mail.transport` is `preview`, which shows all mails to everybody",
                "Use `smtp` or `directory`",
            );
        }
        let transport = match word? {
            Word::Smtp => MailTransport::Smtp(smtp?),
            Word::Directory => MailTransport::Directory(match directory? {
                folder if folder.is_empty() => data?.dir.join("mail"),
                folder => PathBuf::from(folder),
            }),
            Word::Preview => MailTransport::Preview,
        };
        Some(Mail { from: from?, transport })
    }

    /// What is for looking around must not be reached by others: `why` is the first half of the sentence, `instead` what
    /// to do.
    fn refuse_unless_loopback(&mut self, portal: &Portal, why: &str, instead: &str) {
        if !portal.public_url.is_loopback() {
            self.problems.push(format!(
                "{why}, but `portal.public_url` is {}. {instead}, or a public_url on localhost.",
                portal.public_url
            ));
        }
        if !portal.addr.ip().is_loopback() {
            self.problems
                .push(format!("{why}, but `portal.addr` is {}. {instead}, or listen on 127.0.0.1.", portal.addr));
        }
    }

    fn sessions(&mut self) -> Option<Sessions> {
        let idle = self.seconds("sessions.idle_s", SHORTEST_IDLE_S, LONGEST_IDLE_S);
        let life = self.seconds("sessions.life_s", SHORTEST_IDLE_S, LONGEST_LIFE_S);
        let (idle, life) = (idle?, life?);
        if life < idle {
            self.problems.push(format!(
                "`sessions.life_s` is {}, but `sessions.idle_s` is {}: a session cannot be idle for longer than it lives.",
                life.num_seconds(),
                idle.num_seconds()
            ));
        }
        Some(Sessions { idle, life })
    }

    fn staff(&mut self, portal: Option<&Portal>) -> Option<Staff> {
        let choices = [("required", StaffPasskeys::Required), ("optional", StaffPasskeys::Optional)];
        let passkeys = self.choice("staff.passkeys", choices);
        if let (Some(StaffPasskeys::Optional), Some(portal)) = (passkeys, portal) {
            self.refuse_unless_loopback(
                portal,
                "`staff.passkeys` is `optional`, which lets a password open the operator's desk",
                "Use `required`",
            );
        }
        Some(Staff { passkeys: passkeys? })
    }

    fn smtp(&mut self, in_use: bool) -> Option<SmtpSettings> {
        let port = self.number("mail.smtp_port", 1, i64::from(u16::MAX));
        let tls = self.choice(
            "mail.smtp_tls",
            [("implicit", SmtpTls::Implicit), ("starttls", SmtpTls::StartTls), ("none", SmtpTls::None)],
        );
        let host = self.text("mail.smtp_host")?;
        let username = self.text("mail.smtp_username")?;
        let password = self.text("mail.smtp_password")?;
        let ca_file = self.text("mail.smtp_ca_file")?;
        if !in_use {
            return None;
        }
        if host.is_empty() {
            self.problems
                .push("`mail.transport` is `smtp`, but `mail.smtp_host` is empty: name the mail server.".into());
        } else if tls == Some(SmtpTls::None) && !url::is_loopback_host(&host) {
            self.problems.push(format!(
                "`mail.smtp_tls` is `none`, but `mail.smtp_host` is {host}: without encryption, mails go to a server on \
                 loopback only."
            ));
        }
        if username.is_empty() != password.is_empty() {
            self.problems.push(
                "Of `mail.smtp_username` and `mail.smtp_password` only one is set: set both, or neither.".to_owned(),
            );
        }
        if !ca_file.is_empty() && !Path::new(&ca_file).is_file() {
            self.problems.push(format!("`mail.smtp_ca_file` is {ca_file}, but there is no such file."));
        }
        Some(SmtpSettings {
            host,
            port: u16::try_from(port?).ok()?,
            tls: tls?,
            login: (!username.is_empty()).then(|| SmtpLogin { username, password: SecretString::from(password) }),
            ca_file: (!ca_file.is_empty()).then(|| PathBuf::from(ca_file)),
        })
    }

    fn security(&mut self) -> Option<Security> {
        let (pepper, kek) = (self.root_secret("security.pepper"), self.root_secret("security.kek"));
        Some(Security { pepper: pepper?, kek: kek? })
    }

    /// One of the secrets that everything else is hashed or sealed under; none when it stands in its file.
    fn root_secret(&mut self, key: &str) -> Option<Option<SecretString>> {
        let text = self.text(key)?;
        if text.is_empty() {
            return Some(None);
        }
        let secret = SecretString::from(text);
        if root_secrets::parse(secret.expose_secret()).is_none() {
            let name = self.name_of(key);
            let length = secret.expose_secret().chars().count();
            self.problems.push(format!(
                "{name} has {length} characters, but it must be 64 hexadecimal digits, such as `openssl rand -hex 32` \
                 prints; several are separated by commas, the newest first."
            ));
        }
        Some(Some(secret))
    }

    fn log(&mut self) -> Option<Log> {
        let format = self.choice("log.format", [("text", LogFormat::Text), ("json", LogFormat::Json)]);
        let filter = self.checked("log.filter", "a log filter such as `info` or `info,gateway=debug`", |text| {
            // An empty filter would be read as `error`, which nobody who leaves it empty means.
            (!text.trim().is_empty() && text.parse::<EnvFilter>().is_ok()).then(|| text.to_owned())
        });
        Some(Log { format: format?, filter: filter? })
    }

    fn refuse_shared_addresses(&mut self) {
        let listeners: Vec<(&str, SocketAddr)> = ["portal.addr", "gateway.addr", "ops.addr"]
            .into_iter()
            .filter_map(|key| Some((key, self.text(key)?.parse().ok()?)))
            .collect();
        for (place, (one, first)) in listeners.iter().enumerate() {
            for (other, second) in &listeners[place + 1..] {
                let same_ip = first.ip() == second.ip() || first.ip().is_unspecified() || second.ip().is_unspecified();
                // Port 0 is a different free port for everyone.
                if same_ip && first.port() == second.port() && first.port() != 0 {
                    self.problems.push(format!(
                        "`{one}` is {first} and `{other}` is {second}: two listeners cannot share a port. Change one."
                    ));
                }
            }
        }
    }

    fn address(&mut self, key: &str) -> Option<SocketAddr> {
        self.checked(key, "an IP address and a port such as `127.0.0.1:3000`", |text| text.parse().ok())
    }

    fn public_url(&mut self, key: &str) -> Option<PublicUrl> {
        let wanted = "http:// or https:// with a host and no path, without a slash at the end";
        self.checked(key, wanted, PublicUrl::parse)
    }

    fn choice<T, const N: usize>(&mut self, key: &str, choices: [(&'static str, T); N]) -> Option<T> {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        let wanted = match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => words.join(""),
        };
        self.checked(key, &wanted, |text| choices.into_iter().find(|(word, _)| *word == text).map(|(_, choice)| choice))
    }

    fn number(&mut self, key: &str, least: i64, most: i64) -> Option<u64> {
        let number = self.in_force.get(key)?.value.as_ref()?.as_integer()?;
        if (least..=most).contains(&number) {
            return u64::try_from(number).ok();
        }
        let name = self.name_of(key);
        self.problems.push(format!("{name} is the number {number}, but it must be from {least} to {most}."));
        None
    }

    fn seconds(&mut self, key: &str, least: i64, most: i64) -> Option<TimeDelta> {
        let number = i64::try_from(self.number(key, least, most)?).ok()?;
        TimeDelta::try_seconds(number)
    }

    fn checked<T>(&mut self, key: &str, wanted: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text(key)?;
        let read = read(&text);
        if read.is_none() {
            let name = self.name_of(key);
            let given = if text.is_empty() { "empty".to_owned() } else { given(key, &Value::from(text)) };
            self.problems.push(format!("{name} is {given}, but it must be {wanted}."));
        }
        read
    }

    fn text(&self, key: &str) -> Option<String> {
        self.in_force.get(key)?.value.as_ref()?.as_str().map(str::to_owned)
    }

    /// The key as the person who set it knows it.
    fn name_of(&self, key: &str) -> String {
        match self.in_force.get(key).map(|known| &known.source) {
            Some(Source::File(file)) => format!("`{key}` in {file}"),
            Some(Source::Environment) => format!("`{}`", variable_of(key)),
            Some(Source::Default | Source::Command) | None => format!("`{key}`"),
        }
    }
}

/// Checks `address` or `Name <address>`.
fn sender(text: &str) -> Option<Sender> {
    let mut check = Check::default();
    match text.strip_suffix('>').and_then(|rest| rest.split_once('<')) {
        Some((name, address)) => {
            check.name("name", name);
            check.email("address", address);
        }
        None => {
            check.email("address", text);
        }
    }
    check.finish().ok()?;
    text.parse().ok()
}

#[cfg(test)]
mod tests;
