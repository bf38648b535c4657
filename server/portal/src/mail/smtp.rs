//! Mail by SMTP (RFC 5321), encrypted unless the server is on this machine.
//!
//! - A certificate that is not trusted, or a server without `STARTTLS` where it is asked for, ends the attempt before
//!   anything of the mail was sent.
//! - One connection for each mail: a connection that was given up half-way is never used for the next one.
//! - Only an answer to the mail itself can be permanent. What goes wrong before, such as a wrong password, is for the
//!   operator to mend, and the mail waits.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Mail, SendError, Sender, Transport};

/// How long one mail may take. Servers that scan what they take need tens of seconds; the worker's claim outlives it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a polite end may take, after the mail was taken.
const GOODBYE: Duration = Duration::from_secs(1);

/// A mail server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its name or address; its certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// How to sign in there, if at all.
    pub login: Option<SmtpLogin>,
    /// A PEM file with authorities to trust beside the public ones.
    pub ca_file: Option<PathBuf>,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte (RFC 8314).
    Implicit,
    /// After `STARTTLS`, which must be offered (RFC 3207).
    StartTls,
    /// Not at all; for loopback only.
    None,
}

/// Name and password at a mail server.
#[derive(Clone, Debug)]
pub struct SmtpLogin {
    /// The name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Sends mails to a mail server.
pub struct Smtp {
    host: String,
    port: u16,
    encryption: Encryption,
    login: Option<Credentials>,
    hello: ClientId,
    from: Sender,
}

#[derive(Clone)]
enum Encryption {
    Implicit(TlsParameters),
    StartTls(TlsParameters),
    None,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Smtp {
    /// `own_host` is the name by which we greet the server: that of the portal's address.
    ///
    /// # Errors
    /// If the authority file cannot be read, or mails would leave this machine without encryption.
    pub fn new(settings: SmtpSettings, from: Sender, own_host: &str) -> anyhow::Result<Self> {
        let encryption = match settings.tls {
            SmtpTls::Implicit => Encryption::Implicit(tls(&settings)?),
            SmtpTls::StartTls => Encryption::StartTls(tls(&settings)?),
            SmtpTls::None => {
                let is_here =
                    settings.host.parse::<IpAddr>().map_or(settings.host == "localhost", |ip| ip.is_loopback());
                ensure!(is_here, "without encryption, mails go to a server on loopback only");
                Encryption::None
            }
        };
        let login =
            settings.login.map(|login| Credentials::new(login.username, login.password.expose_secret().to_owned()));
        let hello = client_id(own_host);
        Ok(Self { host: settings.host, port: settings.port, encryption, login, hello, from })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let (from_start, later) = match &self.encryption {
            Encryption::Implicit(tls) => (Some(tls.clone()), None),
            Encryption::StartTls(tls) => (None, Some(tls.clone())),
            Encryption::None => (None, None),
        };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(PATIENCE), &self.hello, from_start, None).await?;
        if let Some(tls) = later {
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], login).await?;
        }
        Ok(connection)
    }

    /// Returns the connection for the goodbye.
    async fn deliver(&self, mail: &Mail) -> Result<AsyncSmtpConnection, SendError> {
        let message = mail.message(&self.from)?;
        let mut connection = self.connect().await.map_err(|error| failure(&error, true))?;
        let taken = connection.send(message.envelope(), &message.formatted()).await;
        taken.map_err(|error| failure(&error, may_pass(&error)))?;
        Ok(connection)
    }
}

#[async_trait]
impl Transport for Smtp {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let delivered = tokio::time::timeout(PATIENCE, self.deliver(mail)).await;
        let mut connection = delivered.unwrap_or_else(|_| {
            Err(SendError::temporary(format!("The mail server did not answer within {PATIENCE:?}.")))
        })?;
        // The mail was taken; however the goodbye goes, it must not be sent again.
        let _ = tokio::time::timeout(GOODBYE, connection.quit()).await;
        Ok(())
    }
}

fn tls(settings: &SmtpSettings) -> anyhow::Result<TlsParameters> {
    let mut tls = TlsParameters::builder(settings.host.clone());
    if let Some(file) = &settings.ca_file {
        let name = file.display();
        let pem = std::fs::read(file).with_context(|| format!("could not read {name}"))?;
        tls = tls.add_root_certificate(
            Certificate::from_pem(&pem).with_context(|| format!("{name} is not a certificate in PEM"))?,
        );
    }
    tls.build_rustls().context("TLS for the mail server could not be set up")
}

fn client_id(host: &str) -> ClientId {
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(ip)) => ClientId::Ipv4(ip),
        Ok(IpAddr::V6(ip)) => ClientId::Ipv6(ip),
        Err(_) => ClientId::Domain(host.to_owned()),
    }
}

/// Whether what went wrong with the mail itself may be different later.
fn may_pass(error: &Error) -> bool {
    match error.status().map(u16::from) {
        // RFC 4954 §6: 530 to 539 are about our login, which the operator can mend.
        Some(530..=539) => true,
        Some(code) => code < 500,
        // Refused on our side: the address needs an extension that the server does not have.
        None => !error.is_client(),
    }
}

fn failure(error: &Error, temporary: bool) -> SendError {
    let summary = match error.status() {
        Some(code) => format!("The mail server answered {code}."),
        None if error.is_response() => "The mail server broke off or did not speak SMTP.".to_owned(),
        None => format!("The mail server could not be used: {error}."),
    };
    let reason = match error.status().and_then(|code| Some((code, error.source()?))) {
        Some((code, text)) => format!("The mail server answered {code} {text}"),
        None => summary.clone(),
    };
    SendError { temporary, reason, summary }
}
