//! The command line: what it prints, and 0 for done, 1 for failed, 2 for asked wrongly.

use std::process::{Command, Output};

use contract::policies::TERMS_VERSION;
use tempfile::TempDir;

use crate::forms::sign_up;
use crate::harness::{House, KEK, PEPPER, TestDatabase, portal_on, row, system};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// A folder to run in, and the variables that are set.
struct Place {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    fn on(database: &TestDatabase) -> Self {
        Self::new().with("COUNTERSIGN_DATABASE__URL", database.url())
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn file(self, text: &str) -> Self {
        std::fs::write(self.folder.path().join("countersign.toml"), text).unwrap();
        self
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().envs(self.variables.clone()).current_dir(self.folder.path());
        Run::of(command.output().unwrap())
    }
}

#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

#[test]
fn the_openapi_document_is_printed_without_any_settings() {
    let printed = Place::new().file("nonsense = true").run(&["openapi"]);
    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""), "{printed:?}");
    let document: serde_json::Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(document, *server::api::document());
}

#[test]
fn asking_wrongly_is_2_and_says_how_to_ask() {
    let place = Place::new();
    for arguments in [
        &[][..],
        &["serv"],
        &["serve", "--colour"],
        &["serve", "now"],
        &["staff"],
        &["staff", "add"],
        &["staff", "add", "ada@example.com", "--role", "king"],
        &["audit"],
        &["audit", "verify", "--noted", "12"],
        &["audit", "verify", "--noted", "-1:00"],
        &["audit", "verify", "--noted", "1:not-a-hash"],
        &["retention"],
        &["retention", "run", "--dry"],
        &["--config"],
        &["check-config", "--data"],
    ] {
        let run = place.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments:?}: {run:?}");
        assert!(run.err.contains("Usage") || run.err.contains("--help"), "{arguments:?}: {run:?}");
    }
    assert!(
        place
            .run(&["staff", "add", "a@example.com", "--role", "king"])
            .err
            .contains("use owner, admin, support or auditor")
    );
    assert!(std::fs::read_dir(place.folder.path()).unwrap().next().is_none(), "asking wrongly left something behind");
}

#[test]
fn help_and_version_are_0() {
    for arguments in [&["--help"][..], &["help"], &["serve", "--help"], &["--version"], &["staff", "add", "--help"]] {
        let run = Place::new().run(arguments);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{arguments:?}: {run:?}");
        assert!(!run.out.is_empty());
    }
}

#[test]
fn settings_that_cannot_be_used_are_1_and_every_problem_is_a_sentence() {
    let unknown = Place::new().file("[portal]\nadr = \"127.0.0.1:1\"").run(&["check-config"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(1), ""));
    assert!(unknown.err.contains("the nearest known one is `portal.addr`"), "{unknown:?}");
    let variable = Place::new().with("COUNTERSIGN_GATWAY__ADDR", "127.0.0.1:1").run(&["serve"]);
    assert_eq!(variable.code, Some(1));
    assert!(variable.err.contains("the nearest known one is `COUNTERSIGN_GATEWAY__ADDR`"), "{variable:?}");
    let both = Place::new()
        .with("COUNTERSIGN_LOG__FORMAT", "xml")
        .with("COUNTERSIGN_MAIL__TRANSPORT", "smtp")
        .run(&["migrate"]);
    assert_eq!(both.code, Some(1));
    assert!(both.err.contains("COUNTERSIGN_LOG__FORMAT") && both.err.contains("mail.smtp_host"), "{both:?}");
    let open = Place::new()
        .with("COUNTERSIGN_MAIL__TRANSPORT", "preview")
        .with("COUNTERSIGN_PORTAL__ADDR", "0.0.0.0:0")
        .run(&["serve"]);
    assert_eq!(open.code, Some(1), "{open:?}");
    assert!(open.err.contains("preview"), "{open:?}");
    let demo = Place::new().with("COUNTERSIGN_PORTAL__PUBLIC_URL", "https://portal.example.com").run(&["demo"]);
    assert_eq!(demo.code, Some(1), "{demo:?}");
    let missing = Place::new().run(&["check-config", "--config", "nothing.toml"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.contains("nothing.toml"), "{missing:?}");
}

#[test]
fn check_config_shows_what_is_in_force_with_its_source_and_masks_secrets() {
    let pepper = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let place = Place::new()
        .file("[gateway]\nkey_prefix = \"acme\"\n[mail]\ntransport = \"smtp\"\nsmtp_host = \"mail.example.com\"\nsmtp_username = \"acme\"\nsmtp_password = \"canary-mail-password\"")
        .with("COUNTERSIGN_SECURITY__PEPPER", pepper)
        .with("COUNTERSIGN_DATABASE__URL", "postgres://acme:canary-database-password@127.0.0.1:1/acme");
    let run = place.run(&["check-config", "--data", "elsewhere"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    for line in [
        "key_prefix = \"acme\" # file countersign.toml",
        "smtp_password = \"********\" # file countersign.toml",
        "pepper = \"********\" # environment COUNTERSIGN_SECURITY__PEPPER",
        "dir = \"elsewhere\" # set by the command",
        "addr = \"127.0.0.1:3000\" # default",
    ] {
        assert!(run.out.contains(line), "no line {line} in {}", run.out);
    }
    assert!(!run.out.contains("canary") && !run.out.contains(&pepper[..8]), "{}", run.out);
    // Looking at settings makes nothing.
    assert!(!place.folder.path().join("elsewhere").exists());
    // A database that cannot be used is not named with its password either.
    for url in [
        "mysql://acme:canary-database-password@127.0.0.1/acme",
        "postgres://acme:canary-database-password@:x/acme",
        "acme:canary-database-password",
    ] {
        let failed = Place::new().with("COUNTERSIGN_DATABASE__URL", url).run(&["migrate"]);
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(!failed.err.contains("canary"), "{failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_twice_is_0() {
    let database = TestDatabase::new().await;
    let place = Place::on(&database);
    for _ in 0..2 {
        let run = place.run(&["migrate"]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    }
    assert_eq!(database.count("accounts").await, 0);
}

#[test]
fn the_data_folder_is_made_for_its_owner_only() {
    let place = Place::new();
    let run = place.run(&["migrate", "--data", "a/b"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let folder = place.folder.path().join("a/b");
    assert!(folder.join("countersign.db").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_account_can_become_staff() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let place = Place::on(&house.database);
    let unknown = place.run(&["staff", "add", "nobody@example.com"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(1), ""));
    assert_eq!(unknown.err, "No account has this address. Sign up with it first.\n");
    assert_eq!(ada.visit("/admin/logs").await.status, 404);
    let added = place.run(&["staff", "add", "ADA@example.com", "--role", "auditor"]);
    assert_eq!((added.code, added.err.as_str()), (Some(0), ""), "{added:?}");
    assert_eq!(ada.visit("/admin/logs").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_erases_what_is_past_its_term_and_a_dry_run_only_counts_it() {
    let house = House::open().await;
    house.browser().post("/rpc/accounts/sign_up", &sign_up("Bea", "bea@example.com")).await;
    house.person("Ada").await;
    let mut old = row(None);
    old.at -= 91 * 86_400_000;
    portal::request_logs::store(house.portal.db(), &[old, row(None)]).await.unwrap();
    house.database.sql("UPDATE accounts SET created_at = 1").await;
    house.database.sql("UPDATE sessions SET expires_at = 1").await;
    let place = Place::on(&house.database);
    let before = house.database.dump().await;
    let counted = place.run(&["retention", "run", "--dry-run"]);
    assert_eq!((counted.code, counted.err.as_str()), (Some(0), ""), "{counted:?}");
    assert_eq!(house.database.dump().await, before);
    let said = |run: &Run, table: &str, what: &str| {
        let line = run.out.lines().find(|line| line.starts_with(table)).unwrap_or_default().to_owned();
        line.split_whitespace().collect::<Vec<_>>().join(" ") == format!("{table} {what}")
    };
    assert!(said(&counted, "request_logs", "1 would be erased"), "{counted:?}");
    assert!(
        said(&counted, "accounts", "1 would be erased") && said(&counted, "sessions", "1 would be erased"),
        "{counted:?}"
    );
    let erased = place.run(&["retention", "run"]);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert!(said(&erased, "request_logs", "1 erased") && said(&erased, "accounts", "1 erased"), "{erased:?}");
    assert_eq!(house.database.count("request_logs").await, 1);
    assert_eq!(house.database.count("accounts").await, 1);
    assert_eq!(house.database.count("sessions").await, 0);
    assert!(said(&place.run(&["retention", "run"]), "request_logs", "0 erased"));
}

/// The chain is made under the pepper, so the command needs the one that the portal runs with.
///
/// Claims: MASA-28
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verifying_the_audit_log_is_0_when_it_is_sound_and_names_the_first_event_that_is_not() {
    let house = House::open().await;
    house.person("Ada").await;
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let place = Place::on(&house.database)
        .with("COUNTERSIGN_SECURITY__PEPPER", &hex(PEPPER))
        .with("COUNTERSIGN_SECURITY__KEK", &hex(KEK));
    let sound = place.run(&["audit", "verify"]);
    assert_eq!((sound.code, sound.err.as_str()), (Some(0), ""), "{sound:?}");
    let events = house.database.count("audit_events").await;
    let head = sound.out.trim().strip_prefix(&format!("Sound: {events} events, head ")).unwrap().to_owned();
    assert!(head.starts_with(&format!("{events}:")), "{sound:?}");
    house.person("Bea").await;
    let later = place.run(&["audit", "verify", "--noted", &head]);
    assert_eq!((later.code, later.err.as_str()), (Some(0), ""), "{later:?}");

    // The newest events cut off, and the end moved back: sound in itself, and not what was noted.
    let noted = later.out.trim().rsplit(' ').next().unwrap().to_owned();
    house.database.sql("DELETE FROM audit_events WHERE seq > 2").await;
    house.database.sql("DELETE FROM audit_personal WHERE seq > 2").await;
    house.database.sql("UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit_events WHERE seq = 2)").await;
    assert_eq!(place.run(&["audit", "verify"]).code, Some(0));
    let cut = place.run(&["audit", "verify", "--noted", &noted]);
    assert_eq!((cut.code, cut.out.as_str()), (Some(1), ""), "{cut:?}");
    assert_eq!(cut.err, "Not sound: event 3: it was noted, and is gone.\n");

    house.database.sql("UPDATE audit_events SET at = at + 1 WHERE seq = 2").await;
    let altered = place.run(&["audit", "verify"]);
    assert_eq!((altered.code, altered.out.as_str()), (Some(1), ""), "{altered:?}");
    assert_eq!(altered.err, "Not sound: event 2: it is not what was written, or not in its place.\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_named_with_its_setting() {
    let database = TestDatabase::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (variable, key) in [
        ("COUNTERSIGN_GATEWAY__ADDR", "gateway.addr"),
        ("COUNTERSIGN_PORTAL__ADDR", "portal.addr"),
        ("COUNTERSIGN_OPS__ADDR", "ops.addr"),
    ] {
        let mut place = Place::on(&database).with("LEPTOS_OUTPUT_NAME", "countersign");
        for other in ["COUNTERSIGN_GATEWAY__ADDR", "COUNTERSIGN_PORTAL__ADDR", "COUNTERSIGN_OPS__ADDR"] {
            place = place.with(other, if other == variable { &address } else { "127.0.0.1:0" });
        }
        let run = place.run(&["serve"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(run.err.contains(&format!("{key}: cannot listen on {address}")), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_and_a_running_portal_can_share_a_database() {
    let database = TestDatabase::new().await;
    let portal =
        portal_on(database.url(), std::sync::Arc::new(server::directories::Directories::new(crate::harness::PATIENCE)))
            .await;
    let new = portal::accounts::NewAccount {
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
        password: portal::accounts::Password::new(crate::harness::PASSWORD.to_owned()),
        terms: TERMS_VERSION.to_owned(),
    };
    portal::accounts::create_verified(&system(&portal), new).await.unwrap();
    assert_eq!(Place::on(&database).run(&["staff", "add", "ada@example.com"]).code, Some(0));
}

/// Claims: FLOW-60, MASA-22
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_imported_and_wrapped_anew_and_a_missing_key_encryption_key_is_named() {
    let house = House::open().await;
    house.person("Ada").await;
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let place = || Place::on(&house.database).with("COUNTERSIGN_SECURITY__PEPPER", &hex(PEPPER));
    let known = place().with("COUNTERSIGN_SECURITY__KEK", &hex(KEK));
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let import = ["keys", "import", path, "--prefix", "old_", "--length-min", "28", "--length-max", "28"];

    std::fs::write(file.path(), format!("{},Server,ada@example.com,live\nx,,nobody,live\n", "5a".repeat(32))).unwrap();
    let refused = known.run(&import);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("Nothing was imported:\n- line 2, sha256: Give the SHA-256"), "{refused:?}");
    assert_eq!(house.database.count("imports").await, 0);

    std::fs::write(file.path(), format!("{},Server,ada@example.com,live\n", "5a".repeat(32))).unwrap();
    let imported = known.run(&import);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(imported.out.starts_with("Keys imported: 1, as imp_"), "{imported:?}");
    let listed = known.run(&["keys", "imports"]);
    assert!(listed.out.contains("1 keys       0 used since       1 not yet"), "{listed:?}");

    let (old, new) = (portal::vault::kek_id(&KEK), portal::vault::kek_id(&[8; 32]));
    let alone = place().with("COUNTERSIGN_SECURITY__KEK", &hex([8; 32]));
    let missing = alone.run(&["keys", "imports"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.err.contains(&old) && missing.err.contains("security.kek"), "{missing:?}");

    let both = place().with("COUNTERSIGN_SECURITY__KEK", &format!("{},{}", hex([8; 32]), hex(KEK)));
    let said = both.run(&["check-config"]);
    assert!(said.out.contains(&format!("# Key-encryption key {new} wraps data keys.")), "{said:?}");
    assert!(said.out.contains(&format!("# Key-encryption key {old} only unwraps them.")), "{said:?}");
    assert!(!said.out.contains(&hex(KEK)), "{said:?}");
    let rewrapped = both.run(&["keys", "rewrap"]);
    assert!(rewrapped.out.contains(&format!("Data keys under {new}: 1")), "{rewrapped:?}");
    assert_eq!(alone.run(&["keys", "imports"]).code, Some(0));
}
