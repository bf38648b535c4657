//! Good settings, and every kind of bad ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

const PEPPER: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

fn load(file: &str, environment: &[(&str, &str)], overrides: Overrides) -> Result<Settings, Problems> {
    Settings::from_inputs(Inputs {
        file: (!file.is_empty()).then(|| ("countersign.toml".to_owned(), file.to_owned())),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect(),
        overrides,
    })
}

fn from_file(file: &str) -> Settings {
    load(file, &[], Overrides::new()).unwrap()
}

fn problems(file: &str) -> Vec<String> {
    load(file, &[], Overrides::new()).expect_err("refused").0
}

fn problems_of_variable(name: &str, value: &str) -> Vec<String> {
    load("", &[(name, value)], Overrides::new()).expect_err("refused").0
}

#[test]
fn the_defaults_are_settings() {
    let settings = load("", &[], Overrides::new()).unwrap();
    assert_eq!(settings.portal.addr.to_string(), "127.0.0.1:3000");
    assert_eq!(settings.portal.public_url.as_str(), "http://localhost:3000");
    assert!(!settings.portal.secure_cookies());
    assert_eq!(settings.gateway.key_prefix, "cs");
    assert_eq!(settings.gateway.upstream_timeout, Duration::from_secs(300));
    assert_eq!(settings.gateway.drain, Duration::from_secs(20));
    assert_eq!(settings.ops.addr.port(), 9090);
    assert_eq!(settings.database.url.expose_secret(), "sqlite://./data/countersign.db?mode=rwc");
    assert!(matches!(&settings.mail.transport, MailTransport::Directory(folder) if folder == Path::new("./data/mail")));
    assert_eq!(settings.log.format, LogFormat::Text);
}

#[test]
fn every_default_is_explained_with_its_value_and_its_variable() {
    for (key, known) in &Merge::of_defaults().unwrap().in_force {
        let value = match known.value.as_ref().unwrap() {
            Value::String(text) if text.is_empty() => "empty".to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let line = format!("# Default: {value}. Variable: {}\n", variable_of(key));
        assert!(DEFAULTS.contains(&line), "no line {line}");
    }
}

#[test]
fn a_command_wins_over_the_environment_the_environment_over_the_file_the_file_over_the_default() {
    let file = "[gateway]\nkey_prefix = \"file\"\ndrain_s = 1\n[data]\ndir = \"from-file\"";
    let environment = [("COUNTERSIGN_GATEWAY__DRAIN_S", "2"), ("COUNTERSIGN_DATA__DIR", "from-env"), ("HOME", "/")];
    let settings = load(file, &environment, Overrides::new().set("data.dir", "from-command")).unwrap();
    assert_eq!(settings.gateway.upstream_timeout, Duration::from_secs(300));
    assert_eq!(settings.gateway.key_prefix, "file");
    assert_eq!(settings.gateway.drain, Duration::from_secs(2));
    assert_eq!(settings.data.dir, Path::new("from-command"));
}

#[test]
fn an_unknown_key_is_refused_and_the_nearest_known_one_is_named() {
    assert_eq!(
        problems("[portal]\nadr = \"127.0.0.1:1\""),
        ["`portal.adr` in countersign.toml is not a known key; the nearest known one is `portal.addr`."]
    );
    assert_eq!(
        problems("[gatway]\nkey_prefix = \"x\""),
        ["`gatway.key_prefix` in countersign.toml is not a known key; the nearest known one is `gateway.key_prefix`."]
    );
    assert_eq!(
        problems("key_prefix = \"x\""),
        ["`key_prefix` in countersign.toml is not a known key; the nearest known one is `gateway.key_prefix`."]
    );
    assert_eq!(
        problems("[smtp]\nhost = \"x\""),
        ["`smtp.host` in countersign.toml is not a known key; the nearest known one is `mail.smtp_host`."]
    );
}

#[test]
fn an_unknown_variable_is_refused_and_the_nearest_known_one_is_named() {
    assert_eq!(
        problems_of_variable("COUNTERSIGN_PORTAL__ADR", "127.0.0.1:1"),
        ["The variable `COUNTERSIGN_PORTAL__ADR` is not known; the nearest known one is `COUNTERSIGN_PORTAL__ADDR`."]
    );
    assert_eq!(
        problems_of_variable("COUNTERSIGN_PORTAL_ADDR", "127.0.0.1:1"),
        ["The variable `COUNTERSIGN_PORTAL_ADDR` is not known; the nearest known one is `COUNTERSIGN_PORTAL__ADDR`."]
    );
    assert_eq!(
        problems_of_variable("COUNTERSIGN_portal__addr", "127.0.0.1:1"),
        ["The variable `COUNTERSIGN_portal__addr` is not known; the nearest known one is `COUNTERSIGN_PORTAL__ADDR`."]
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_refused() {
    let value = std::os::unix::ffi::OsStringExt::from_vec(vec![b'/', 0xff]);
    let environment = vec![("COUNTERSIGN_DATA__DIR".to_owned(), value)];
    let refused = Settings::from_inputs(Inputs { file: None, environment, overrides: Overrides::new() });
    assert_eq!(
        refused.expect_err("refused").sentences(),
        ["The variable `COUNTERSIGN_DATA__DIR` holds bytes that are not text in UTF-8."]
    );
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_of_our_name_are_passed_over() {
    let environment = [
        ("COUNTERSIGN_SERVICE_HOST", "10.0.0.1"),
        ("COUNTERSIGN_SERVICE_PORT", "3000"),
        ("COUNTERSIGN_SERVICE_PORT_PORTAL", "3000"),
        ("COUNTERSIGN_PORT", "tcp://10.0.0.1:3000"),
        ("COUNTERSIGN_PORT_3000_TCP", "tcp://10.0.0.1:3000"),
        ("COUNTERSIGN_PORT_3000_TCP_ADDR", "10.0.0.1"),
    ];
    assert!(load("", &environment, Overrides::new()).is_ok());
    assert_eq!(problems_of_variable("COUNTERSIGN_MAIL_SMTP_PORT", "25").len(), 1);
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_what_was_given_and_what_is_wanted() {
    assert_eq!(
        problems("[gateway]\ndrain_s = \"soon\""),
        ["`gateway.drain_s` in countersign.toml is the text `soon`, but it must be a whole number."]
    );
    assert_eq!(
        problems("[gateway]\ndrain_s = 1.5"),
        ["`gateway.drain_s` in countersign.toml is the number 1.5, but it must be a whole number."]
    );
    assert_eq!(
        problems("[portal]\naddr = 3000"),
        ["`portal.addr` in countersign.toml is the number 3000, but it must be a text."]
    );
    assert_eq!(
        problems("[portal.addr]\nport = 3000"),
        ["`portal.addr` in countersign.toml is a section, but it must be a text."]
    );
    assert_eq!(problems("portal = 3"), ["`portal` in countersign.toml must be a section: write `[portal]`."]);
    assert_eq!(
        problems_of_variable("COUNTERSIGN_GATEWAY__DRAIN_S", "soon"),
        ["`COUNTERSIGN_GATEWAY__DRAIN_S` is the text `soon`, but it must be a whole number."]
    );
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    assert_eq!(
        problems("[gateway]\nupstream_timeout_s = 0"),
        ["`gateway.upstream_timeout_s` in countersign.toml is the number 0, but it must be from 1 to 3600."]
    );
    assert_eq!(
        problems("[mail]\nsmtp_port = 70000"),
        ["`mail.smtp_port` in countersign.toml is the number 70000, but it must be from 1 to 65535."]
    );
}

#[test]
fn a_listener_needs_an_ip_address_and_a_port() {
    for address in ["localhost:3000", "127.0.0.1", ":3000", "127.0.0.1:70000", ""] {
        let sentences = problems(&format!("[ops]\naddr = \"{address}\""));
        assert_eq!(sentences.len(), 1, "{address}");
        assert!(sentences[0].ends_with("but it must be an IP address and a port such as `127.0.0.1:3000`."));
    }
}

#[test]
fn proxies_that_are_trusted_are_networks_each_in_one_form() {
    let settings = from_file("[gateway]\ntrusted_proxies = \"10.1.2.3/8, ::ffff:192.0.2.1, 2001:db8::/32\"");
    let networks: Vec<String> = settings.gateway.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
    // With a zero before it, ten is eight to some.
    for text in ["010.0.0.0/8", "10.0.0.0/33", "proxy.example.com"] {
        assert_eq!(problems(&format!("[gateway]\ntrusted_proxies = \"{text}\"")).len(), 1, "{text}");
    }
}

#[test]
fn two_listeners_on_one_port_are_refused() {
    assert_eq!(
        problems("[gateway]\naddr = \"127.0.0.1:3000\""),
        [
            "`portal.addr` is 127.0.0.1:3000 and `gateway.addr` is 127.0.0.1:3000: two listeners cannot share a port. Change one."
        ]
    );
    assert_eq!(problems("[ops]\naddr = \"0.0.0.0:8080\"").len(), 1);
    from_file("[portal]\naddr = \"127.0.0.1:0\"\n[gateway]\naddr = \"127.0.0.1:0\"\n[ops]\naddr = \"127.0.0.2:3000\"");
}

#[test]
fn a_public_url_is_http_or_https_with_a_host_and_nothing_after_it() {
    for url in [
        "",
        "localhost:3000",
        "ftp://example.com",
        "https://",
        "https://example.com/",
        "https://example.com/portal",
        "https://example.com?x",
        "https://user@example.com",
        "https://example.com:port",
        "https://example.com:",
        "https://exam ple.com",
    ] {
        let sentences = problems(&format!("[portal]\npublic_url = \"{url}\""));
        assert_eq!(sentences.len(), 1, "{url}");
        assert!(sentences[0].contains("`portal.public_url`") && sentences[0].contains("http:// or https://"), "{url}");
    }
    let settings = from_file("[portal]\npublic_url = \"https://Portal.Example:8443\"");
    assert_eq!(settings.portal.public_url.as_str(), "https://portal.example:8443");
    assert_eq!(settings.portal.public_url.host(), "portal.example");
    assert!(settings.portal.secure_cookies());
}

#[test]
fn a_key_prefix_is_of_lower_case_letters_and_digits() {
    for prefix in ["", "c", "CS", "c_s", "abcdefghijklm"] {
        let sentences = problems(&format!("[gateway]\nkey_prefix = \"{prefix}\""));
        assert_eq!(sentences.len(), 1, "{prefix}");
        assert!(sentences[0].ends_with("but it must be 2 to 12 characters of a-z and 0-9."), "{prefix}");
    }
}

#[test]
fn a_database_is_sqlite_or_postgres() {
    assert_eq!(
        problems("[database]\nurl = \"mysql://root:hunter2@localhost/x\""),
        [
            "`database.url` in countersign.toml starts with `mysql://`, but it must start with `sqlite://` or `postgres://`."
        ]
    );
    assert_eq!(
        problems("[database]\nurl = \"countersign.db\""),
        ["`database.url` in countersign.toml has no scheme, but it must start with `sqlite://` or `postgres://`."]
    );
    for url in ["sqlite://x.db", "postgres://localhost/x", "postgresql://localhost/x"] {
        assert_eq!(from_file(&format!("[database]\nurl = \"{url}\"")).database.url.expose_secret(), url);
    }
}

#[test]
fn a_data_folder_with_odd_characters_still_names_a_database() {
    let settings = from_file("[data]\ndir = \"./50% of #1?\"");
    assert_eq!(settings.database.url.expose_secret(), "sqlite://./50%25 of %231%3F/countersign.db?mode=rwc");
}

#[test]
fn the_mail_preview_is_refused_where_others_could_see_it() {
    let sentences = problems(
        "[mail]\ntransport = \"preview\"\n[portal]\naddr = \"0.0.0.0:3000\"\npublic_url = \"https://portal.example\"",
    );
    assert_eq!(sentences.len(), 2);
    assert!(sentences[0].contains("`portal.public_url` is https://portal.example."), "{sentences:?}");
    assert!(sentences[1].contains("`portal.addr` is 0.0.0.0:3000."), "{sentences:?}");
    for url in ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000", "http://portal.localhost"] {
        let settings = from_file(&format!("[mail]\ntransport = \"preview\"\n[portal]\npublic_url = \"{url}\""));
        assert!(matches!(settings.mail.transport, MailTransport::Preview));
    }
}

#[test]
fn staff_without_passkeys_are_refused_where_others_could_reach_the_desk() {
    assert_eq!(from_file("").staff.passkeys, StaffPasskeys::Required);
    let sentences = problems(
        "[staff]\npasskeys = \"optional\"\n[portal]\naddr = \"0.0.0.0:3000\"\npublic_url = \"https://portal.example\"",
    );
    assert_eq!(
        sentences,
        [
            "`staff.passkeys` is `optional`, which lets a password open the operator's desk, but `portal.public_url` is \
             https://portal.example. Use `required`, or a public_url on localhost.",
            "`staff.passkeys` is `optional`, which lets a password open the operator's desk, but `portal.addr` is \
             0.0.0.0:3000. Use `required`, or listen on 127.0.0.1."
        ]
    );
    assert_eq!(from_file("[staff]\npasskeys = \"optional\"").staff.passkeys, StaffPasskeys::Optional);
    assert_eq!(
        problems("[staff]\npasskeys = \"no\""),
        ["`staff.passkeys` in countersign.toml is the text `no`, but it must be `required` or `optional`."]
    );
}

#[test]
fn sessions_and_recoveries_end_when_the_settings_say() {
    let settings = from_file("");
    assert_eq!(settings.sessions, Sessions { idle: TimeDelta::hours(1), life: TimeDelta::days(1) });
    assert_eq!(settings.accounts.recovery_wait, TimeDelta::days(3));
    let settings = from_file("[sessions]\nidle_s = 300\nlife_s = 2592000\n[accounts]\nrecovery_wait_s = 60");
    assert_eq!(settings.sessions, Sessions { idle: TimeDelta::minutes(5), life: TimeDelta::days(30) });
    assert_eq!(settings.accounts.recovery_wait, TimeDelta::minutes(1));
    assert_eq!(
        problems("[sessions]\nidle_s = 7200\nlife_s = 3600"),
        [
            "`sessions.life_s` is 3600, but `sessions.idle_s` is 7200: a session cannot be idle for longer than it lives."
        ]
    );
    assert_eq!(
        problems("[sessions]\nidle_s = 299\n[accounts]\nrecovery_wait_s = 0"),
        [
            "`accounts.recovery_wait_s` in countersign.toml is the number 0, but it must be from 1 to 2592000.",
            "`sessions.idle_s` in countersign.toml is the number 299, but it must be from 300 to 86400."
        ]
    );
}

#[test]
fn smtp_needs_a_host_and_encryption_unless_it_is_on_loopback() {
    assert_eq!(
        problems("[mail]\ntransport = \"smtp\""),
        ["`mail.transport` is `smtp`, but `mail.smtp_host` is empty: name the mail server."]
    );
    let sentences = problems("[mail]\ntransport = \"smtp\"\nsmtp_host = \"mail.example\"\nsmtp_tls = \"none\"");
    assert_eq!(sentences.len(), 1);
    assert!(sentences[0].contains("loopback only"), "{sentences:?}");
    let settings = from_file("[mail]\ntransport = \"smtp\"\nsmtp_host = \"localhost\"\nsmtp_tls = \"none\"");
    assert!(matches!(
        settings.mail.transport,
        MailTransport::Smtp(SmtpSettings { tls: SmtpTls::None, login: None, .. })
    ));
}

#[test]
fn half_a_login_and_a_missing_authority_file_are_refused() {
    let sentences = problems(
        "[mail]\ntransport = \"smtp\"\nsmtp_host = \"mail.example\"\nsmtp_username = \"x\"\nsmtp_ca_file = \"./no-such.pem\"",
    );
    assert_eq!(
        sentences,
        [
            "Of `mail.smtp_username` and `mail.smtp_password` only one is set: set both, or neither.",
            "`mail.smtp_ca_file` is ./no-such.pem, but there is no such file."
        ]
    );
}

#[test]
fn a_word_that_is_no_choice_is_refused_with_the_choices() {
    assert_eq!(
        problems("[mail]\ntransport = \"pigeon\""),
        ["`mail.transport` in countersign.toml is the text `pigeon`, but it must be `smtp`, `directory` or `preview`."]
    );
    assert_eq!(problems("[mail]\nsmtp_tls = \"ssl\"").len(), 1);
    assert_eq!(problems("[log]\nformat = \"xml\"").len(), 1);
}

#[test]
fn a_sender_is_an_address_with_or_without_a_name() {
    for sender in ["x", "X <x>", "X <x@example.com", "<x@example.com>", "X\\nBcc: y@example.com <x@example.com>"] {
        assert_eq!(problems(&format!("[mail]\nfrom = \"{sender}\"")).len(), 1, "{sender}");
    }
    for (sender, written) in [
        ("x@example.com", "x@example.com"),
        ("Ada <x@example.com>", "Ada <x@example.com>"),
        ("Ada & Søn, Inc. <x@example.com>", "\"Ada & Søn, Inc.\" <x@example.com>"),
        ("開発者 <x@example.com>", "開発者 <x@example.com>"),
    ] {
        assert_eq!(from_file(&format!("[mail]\nfrom = \"{sender}\"")).mail.from.to_string(), written);
    }
}

#[test]
fn a_log_filter_that_cannot_be_read_is_refused() {
    for filter in ["", "=====", "info,gateway=loud"] {
        assert_eq!(problems(&format!("[log]\nfilter = \"{filter}\"")).len(), 1, "{filter}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line_and_without_its_text() {
    let sentences = problems("[mail]\nsmtp_password = \"hunter2\" hunter3\n");
    assert_eq!(sentences.len(), 1);
    assert!(sentences[0].starts_with("Line 2 of countersign.toml is not TOML"), "{sentences:?}");
    assert!(!sentences[0].contains("hunter"), "{sentences:?}");
}

#[test]
fn a_missing_file_is_refused_only_when_it_was_asked_for() {
    let sentences = read_file(Some(Path::new("./no-such.toml"))).expect_err("refused");
    assert!(sentences.to_string().contains("The settings file ./no-such.toml cannot be read"), "{sentences}");
    assert_eq!(read_file(None), Ok(None));
}

#[test]
fn all_problems_are_reported_at_once() {
    let environment = [("COUNTERSIGN_OPS__PORT", "1"), ("COUNTERSIGN_GATEWAY__DRAIN_S", "x")];
    let refused = load("[portal]\nadr = 1\naddr = \"x\"", &environment, Overrides::new()).expect_err("refused");
    assert_eq!(refused.sentences().len(), 4, "{refused}");
}

/// Claims: FLOW-60
#[test]
fn no_secret_stands_in_an_error_a_description_or_a_debug_print() {
    let refused = load(
        "[security]\npepper = \"hunter2\"\n[database]\nurl = \"mysql://root:hunter2@x/y\"\n[mail]\nsmtp_password = 42424",
        &[],
        Overrides::new(),
    );
    let refused = refused.expect_err("refused").to_string();
    assert!(!refused.contains("hunter2") && !refused.contains("42424"), "{refused}");
    let settings = from_file(&format!(
        "[security]\npepper = \"{PEPPER}\"\n[database]\nurl = \"postgres://ada:hunter2@db/x?sslpassword=hunter2\"\n\
         [mail]\ntransport = \"smtp\"\nsmtp_host = \"mail.example\"\nsmtp_username = \"ada\"\nsmtp_password = \"hunter2\""
    ));
    let described = settings.describe();
    assert!(!described.contains("hunter2") && !described.contains(PEPPER), "{described}");
    assert!(described.contains("url = \"postgres://ada:********@db/x?sslpassword=********\""), "{described}");
    assert!(described.contains("pepper = \"********\""), "{described}");
    let printed = format!("{settings:?}");
    assert!(!printed.contains("hunter2") && !printed.contains(PEPPER), "{printed}");
}

#[test]
fn what_is_in_force_is_described_as_toml_with_its_sources() {
    let file = "[gateway]\nkey_prefix = \"acme\"";
    let settings =
        load(file, &[("COUNTERSIGN_LOG__FILTER", "warn")], Overrides::new().set("data.dir", "/srv/x")).unwrap();
    let described = settings.describe();
    assert!(described.contains("key_prefix = \"acme\" # file countersign.toml\n"), "{described}");
    assert!(described.contains("filter = \"warn\" # environment COUNTERSIGN_LOG__FILTER\n"), "{described}");
    assert!(described.contains("dir = \"/srv/x\" # set by the command\n"), "{described}");
    assert!(described.contains("url = \"sqlite:///srv/x/countersign.db?mode=rwc\" # default\n"), "{described}");
    assert!(described.contains("directory = \"/srv/x/mail\" # default\n"), "{described}");
    assert_eq!(described.parse::<Table>().unwrap().len(), DEFAULTS.parse::<Table>().unwrap().len());
}

#[test]
fn what_is_described_can_be_read_again() {
    let described = load("", &[], Overrides::new()).unwrap().describe();
    assert_eq!(from_file(&described).database.url.expose_secret(), "sqlite://./data/countersign.db?mode=rwc");
}

#[test]
fn a_pepper_is_made_once_and_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        load("", &[], Overrides::new().set("data.dir", folder.path().join("new").to_str().unwrap())).unwrap();
    let first = settings.security.peppers(&settings.data).unwrap();
    assert_ne!(first.newest, [0; 32]);
    assert_eq!(first.older.len(), 0);
    assert_eq!(settings.security.peppers(&settings.data).unwrap(), first);
    let files: Vec<_> = std::fs::read_dir(&settings.data.dir).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["pepper"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&settings.data.dir.join("pepper")), 0o600);
        assert_eq!(mode(&settings.data.dir), 0o700);
    }
}

#[test]
fn processes_that_start_together_get_the_same_pepper() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data { dir: folder.path().to_owned() };
    let peppers: Vec<Generations> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| in_files().peppers(&data).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(peppers.iter().all(|pepper| *pepper == peppers[0]));
}

#[test]
fn a_damaged_or_open_pepper_file_is_refused_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data { dir: folder.path().to_owned() };
    let file = folder.path().join("pepper");
    write_private(&file, "short");
    let refused = in_files().peppers(&data).unwrap_err().to_string();
    assert!(refused.contains("restore it from a backup"), "{refused}");
    write_private(&file, PEPPER);
    assert_eq!(in_files().peppers(&data).unwrap().newest[1], 0x11);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = in_files().peppers(&data).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }
}

/// What stands in no setting.
fn in_files() -> Security {
    Security { pepper: None, kek: None }
}

fn write_private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn a_pepper_in_the_settings_is_64_hexadecimal_digits() {
    let sentences = problems(&format!("[security]\npepper = \"{}\"", &PEPPER[1..]));
    assert_eq!(sentences.len(), 1);
    assert!(sentences[0].contains("has 63 characters, but it must be 64 hexadecimal digits"), "{sentences:?}");
    let settings = from_file(&format!("[security]\npepper = \"{PEPPER}\""));
    assert_eq!(settings.security.peppers(&settings.data).unwrap().newest[31], 0xff);
}

#[test]
fn pepper_and_kek_are_lists_of_which_the_first_is_the_newest() {
    let (old, new) = (PEPPER, "ff".repeat(32));
    let settings = from_file(&format!("[security]\npepper = \"{new}, {old}\"\nkek = \"{old}\""));
    let peppers = settings.security.peppers(&settings.data).unwrap();
    assert_eq!((peppers.newest, peppers.older.len(), peppers.older[0][1]), ([0xff; 32], 1, 0x11));
    let keks = settings.security.keks(&settings.data).unwrap();
    assert_eq!((keks.newest[1], keks.older.len()), (0x11, 0));
    assert!(!format!("{settings:?}{peppers:?}").contains("ff, "), "{peppers:?}");
    let sentences = problems(&format!("[security]\nkek = \"{new},{}\"", &old[1..]));
    assert!(sentences[0].contains("several are separated by commas, the newest first"), "{sentences:?}");

    // In the file one a line; each has a file of its own.
    let folder = tempfile::tempdir().unwrap();
    let data = Data { dir: folder.path().to_owned() };
    assert!(in_files().known_keks(&data).unwrap().is_none());
    write_private(&folder.path().join("kek"), &format!("{new}\n{old}\n"));
    let keks = in_files().keks(&data).unwrap();
    assert_eq!((keks.newest, keks.older.len()), ([0xff; 32], 1));
    assert_eq!(in_files().known_keks(&data).unwrap(), Some(keks.clone()));
    assert_ne!(in_files().peppers(&data).unwrap().newest, keks.newest);
}

#[test]
fn a_programme_that_reports_leaks_is_listed_with_a_key_on_the_curve_or_not_at_all() {
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUqkCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==";
    assert!(load("", &[], Overrides::new()).unwrap().leaks.programmes.is_empty());
    let listed = format!("[leaks]\nprogrammes = \"github:one:{key}, github:two:{key},\"");
    let programmes = load(&listed, &[], Overrides::new()).unwrap().leaks.programmes;
    assert_eq!(programmes.iter().map(|one| one.programme()).collect::<Vec<_>>(), ["github", "github"]);
    for wrong in ["github", "github:one", "github:one:abc", &format!("two words:one:{key}")] {
        let said = problems(&format!("[leaks]\nprogrammes = \"{wrong}\""));
        assert!(said.len() == 1 && said[0].contains("leaks.programmes") && said[0].contains("P-256"), "{said:?}");
    }
}
