//! Puts the program together, runs it, and takes it apart in an order in which nothing is lost.
//!
//! At the end: no new requests; running ones finish; their rows are stored; queued mails stay queued.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use contract::RequestId;
use contract::keys::hash::KeyHasher;
use gateway::Gateway;
use leptos::prelude::{LeptosOptions, get_configuration};
use portal::mail::{Directory, Preview, Smtp, Transport};
use portal::privacy::retention::{self, Mode};
use portal::vault::Vault;
use portal::{Actor, Db, Op, Portal, PortalSettings, Secrets};
use request_logs::{Ledger, SpoolSettings};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::{MailTransport, PrivateUpstreams, Settings, StaffPasskeys};
use crate::directories::{self, Directories, Sink, Store};
use crate::ops::{self, Part, Readiness};
use crate::web::{self, AppState, WebSettings};
use crate::{clock, processes, telemetry};

/// How often what is past its term is erased; what is not erased yet is not shown.
const RETENTION_EVERY: Duration = Duration::from_secs(3_600);

/// How often recoveries whose time has come are told of: who waited for days does not mind a minute.
const RECOVERIES_EVERY: Duration = Duration::from_secs(60);

/// How often owners of keys are told of what is near: an hour is little in the last day of a key.
const KEY_NOTICES_EVERY: Duration = Duration::from_secs(3_600);

/// How often a process says that it is there: several times in the half minute after which it would not be.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// How often shares of quotas are brought in line: twice in the second for which a share is meant to last.
const BALANCE_EVERY: Duration = Duration::from_millis(500);

/// How long open pages and streams may hold up the end.
const PORTAL_DRAIN: Duration = Duration::from_secs(5);

/// How often metrics fold their samples.
const METRICS_EVERY: Duration = Duration::from_secs(10);

/// What a demo has on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Nothing.
    Production,
    /// The gallery.
    Demo,
}

/// The parts that other code needs while the program runs.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The control plane.
    pub portal: Portal,
    /// Asks everything to end.
    pub shutdown: CancellationToken,
}

/// An operation of the program itself.
#[must_use]
pub fn system_op(portal: &Portal) -> Op {
    portal.op(Actor::System, clock::now(), RequestId::new(Uuid::now_v7()))
}

/// Opens the database and brings it up to date.
///
/// # Errors
/// When the folder cannot be made, the database does not answer or a migration fails.
pub async fn open_database(settings: &Settings) -> anyhow::Result<Db> {
    settings.data.prepare()?;
    let db = Db::connect(settings.database.url.expose_secret()).await?;
    db.migrate().await.context("the database could not be brought up to date")?;
    Ok(db)
}

/// The control plane without listeners: for the command line.
///
/// # Errors
/// Those of [`open_database`], when pepper or key-encryption key cannot be read, and when data is sealed under another one.
pub async fn open_portal(settings: &Settings) -> anyhow::Result<(Portal, Arc<Directories>, KeyHasher)> {
    let db = open_database(settings).await?;
    let (peppers, keks) = (settings.security.peppers(&settings.data)?, settings.security.keks(&settings.data)?);
    let hasher = KeyHasher::new(&peppers.newest).with_older(&peppers.older);
    let vault = Vault::new(&keks.newest, &keks.older);
    portal::vault::check(&db, &vault).await?;
    let directories = Arc::new(Directories::new(settings.gateway.upstream_timeout));
    let named = PortalSettings {
        name: settings.portal.name.clone(),
        public_url: settings.portal.public_url.to_string(),
        gateway_url: settings.gateway.public_url.to_string(),
        key_prefix: settings.gateway.key_prefix.clone(),
        erase_sent_mails: !matches!(settings.mail.transport, MailTransport::Preview),
        session_idle: settings.sessions.idle,
        session_life: settings.sessions.life,
        recovery_wait: settings.accounts.recovery_wait,
        staff_need_passkeys: settings.staff.passkeys == StaffPasskeys::Required,
        leak_programmes: settings.leaks.programmes.clone(),
        private_upstreams: settings.gateway.private_upstreams == PrivateUpstreams::Allowed,
    };
    let secrets = Secrets { hasher: hasher.clone(), vault };
    let portal = Portal::new(db, named, secrets, Arc::<Directories>::clone(&directories));
    Ok((portal, directories, hasher))
}

/// Runs until it is asked to end. `started` is called once everything listens.
///
/// # Errors
/// When something cannot be started. After that, only when neither database nor disk took the last rows.
pub async fn run<F, Started>(settings: Settings, show: Show, started: F) -> anyhow::Result<()>
where
    F: FnOnce(Parts) -> Started,
    Started: Future<Output = anyhow::Result<()>>,
{
    let metrics = telemetry::start_metrics()?;
    let _alone = processes::alone_on(settings.database.url.expose_secret())?;
    let (portal, directories, hasher) = open_portal(&settings).await?;
    let db = portal.db().clone();
    let readiness = {
        let db = db.clone();
        Readiness::new(move || {
            let db = db.clone();
            async move { db.ping().await.is_ok() }
        })
    };
    let _migrated = readiness.ready(Part::Migrations);

    let shutdown = CancellationToken::new();
    let end_of_rows = CancellationToken::new();
    let ledger = Ledger::open(SpoolSettings::new(settings.data.dir.join("spool")))?;
    let sealer = tokio::spawn({
        let (ledger, store, end) =
            (ledger.clone(), Arc::new(Store(portal.clone(), Arc::clone(&directories))), end_of_rows.clone());
        async move { ledger.run(store, end).await }
    });
    // Quotas go on from the sum of the rows, so rows that an earlier life left behind come first.
    ledger.caught_up().await;
    let here = processes::come_in(&db, &settings.data.dir, &directories).await?;
    // Before everything is read: what others change meanwhile is told later.
    let heard = portal::changes::Heard::now(&db).await?;
    seal(&portal).await?;
    directories.load(&portal, clock::now().timestamp_millis()).await?;

    let mut named =
        gateway::Settings::new(settings.gateway.key_prefix.clone(), settings.portal.public_url.to_string(), hasher);
    if settings.gateway.private_upstreams == PrivateUpstreams::Allowed {
        named.reachable = gateway::Reachable::Everything;
    }
    named.drain = settings.gateway.drain;
    named.client_timeout = settings.gateway.client_timeout;
    named.upgrades_max = settings.gateway.upgrades_max;
    named.upgrade_idle = settings.gateway.upgrade_idle;
    named.trusted_proxies.clone_from(&settings.gateway.trusted_proxies);
    named.service_tokens =
        settings.gateway.service_tokens.iter().map(|token| token.expose_secret().to_owned()).collect();
    let gateway = Gateway::new(named, directories.ports(Sink(ledger.clone())))?;
    let gateway_listener = listen("gateway.addr", settings.gateway.addr).await?;
    let portal_listener = listen("portal.addr", settings.portal.addr).await?;
    let ops_listener = listen("ops.addr", settings.ops.addr).await?;

    // Port 0 asks the system for a free one.
    let listening = (portal_listener.local_addr()?, gateway_listener.local_addr()?, ops_listener.local_addr()?);

    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    let gateway = tokio::spawn(gateway::serve(gateway, gateway_listener, shutdown.clone()));
    let own_gateway = web::OwnGateway::default();
    own_gateway.listens(listening.1);
    let state = AppState {
        options: leptos_options(settings.portal.addr)?,
        portal: portal.clone(),
        ledger: ledger.clone(),
        web: Arc::new(WebSettings {
            secure_cookies: settings.portal.secure_cookies(),
            mailbox: matches!(settings.mail.transport, MailTransport::Preview),
            gallery: show == Show::Demo,
            trusted_proxies: settings.portal.trusted_proxies.clone(),
        }),
        gateway: own_gateway,
    };
    tasks.spawn(serve_http(portal_listener, web::router(state), shutdown.clone()));
    tasks.spawn(serve_http(ops_listener, ops::router(metrics.clone(), readiness.clone()), shutdown.clone()));
    tasks.spawn({
        let (portal, transport, end) = (portal.clone(), transport(&settings)?, shutdown.clone());
        let ready = readiness.ready(Part::MailWorker);
        async move {
            portal::mail::run(portal, transport, Arc::new(clock::now as fn() -> DateTime<Utc>), end).await;
            drop(ready);
            Ok(())
        }
    });
    tasks.spawn({
        let hearing = portal::changes::run(portal.clone(), heard, shutdown.clone());
        async move {
            hearing.await;
            Ok(())
        }
    });
    tasks.spawn({
        let rekeying = directories::rekey(portal.clone(), Arc::clone(&directories), shutdown.clone());
        async move {
            rekeying.await;
            Ok(())
        }
    });
    if let Some(here) = here {
        tasks.spawn(every(BEAT_EVERY, shutdown.clone(), {
            let (portal, directories) = (portal.clone(), Arc::clone(&directories));
            move || here.beat(portal.clone(), Arc::clone(&directories))
        }));
        tasks.spawn(every(BALANCE_EVERY, shutdown.clone(), {
            let directories = Arc::clone(&directories);
            move || {
                let directories = Arc::clone(&directories);
                async move { directories.balance().await }
            }
        }));
    }
    tasks.spawn(every(RETENTION_EVERY, shutdown.clone(), {
        let portal = portal.clone();
        move || erase_what_is_past_its_term(portal.clone())
    }));
    tasks.spawn(every(RECOVERIES_EVERY, shutdown.clone(), {
        let portal = portal.clone();
        move || tell_of_recoveries(portal.clone())
    }));
    tasks.spawn(every(KEY_NOTICES_EVERY, shutdown.clone(), {
        let portal = portal.clone();
        move || tell_of_keys(portal.clone())
    }));
    tasks.spawn(every(METRICS_EVERY, shutdown.clone(), move || {
        let metrics = metrics.clone();
        async move { metrics.run_upkeep() }
    }));
    let asked_to_end = asked_to_end();
    tracing::info!(portal = %listening.0, gateway = %listening.1, ops = %listening.2, "Listening");

    started(Parts { portal, shutdown: shutdown.clone() }).await?;
    // Only now: what is started on top may register APIs of its own.
    let _loaded = readiness.ready(Part::GatewayDirectory);
    let mut broken = None;
    tokio::select! {
        () = asked_to_end => tracing::info!("Ending: running requests finish first"),
        Some(ended) = tasks.join_next() => broken = Some(anyhow::anyhow!("a part ended by itself: {ended:?}")),
        () = shutdown.cancelled() => {}
    }
    shutdown.cancel();
    gateway.await.context("the gateway panicked")??;
    // Rows of the requests that just finished are in the ledger now.
    end_of_rows.cancel();
    let stored = sealer.await.context("the ledger panicked")?;
    while let Some(ended) = tasks.join_next().await {
        ended.context("a part panicked")??;
    }
    stored?;
    if let Some(here) = here {
        here.leave(&db).await;
    }
    db.close().await?;
    tracing::info!("Ended");
    // A supervisor that restarts on failure must see one.
    broken.map_or(Ok(()), Err)
}

/// Brings what is stored under the newest keys. The gateway reads it next.
async fn seal(portal: &Portal) -> anyhow::Result<()> {
    let rewrapped = portal::vault::rewrap(portal).await.context("data keys could not be wrapped anew")?;
    if rewrapped > 0 {
        tracing::info!(rewrapped, "Data keys are wrapped under the newest key-encryption key now");
    }
    let now = clock::now().timestamp_millis();
    let sealed = portal::keys::seal_all(portal, now).await.context("keys could not be sealed")?;
    if sealed > 0 {
        tracing::info!(sealed, "Keys of an earlier version are sealed now");
    }
    Ok(())
}

async fn listen(key: &str, addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| {
        format!("{key}: cannot listen on {addr}; another program may, or this is not an address of this machine")
    })
}

async fn serve_http(listener: TcpListener, router: axum::Router, shutdown: CancellationToken) -> anyhow::Result<()> {
    let ended = shutdown.clone();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move { ended.cancelled().await });
    let bound = async {
        shutdown.cancelled().await;
        // Live streams never end by themselves.
        tokio::time::timeout(PORTAL_DRAIN, std::future::pending::<()>()).await.ok();
    };
    tokio::select! {
        served = serving.into_future() => served.context("a listener failed"),
        () = bound => Ok(()),
    }
}

async fn every<F: Future<Output = ()> + Send>(
    pause: Duration,
    shutdown: CancellationToken,
    job: impl Fn() -> F + Send,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(pause);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => job().await,
            () = shutdown.cancelled() => return Ok(()),
        }
    }
}

async fn erase_what_is_past_its_term(portal: Portal) {
    match retention::run(&system_op(&portal), Mode::Erase).await {
        Ok(erased) => {
            for one in erased.iter().filter(|one| one.rows > 0) {
                tracing::info!(table = one.table, rows = one.rows, "Erased what was past its term");
            }
        }
        Err(error) => tracing::error!("Erasing what is past its term failed: {error:#}"),
    }
}

async fn tell_of_recoveries(portal: Portal) {
    match portal::recovery::tell_ready(&system_op(&portal)).await {
        Ok(0) => {}
        Ok(told) => tracing::info!(told, "Recoveries can be completed now"),
        Err(error) => tracing::error!("Telling of recoveries failed: {error:#}"),
    }
}

async fn tell_of_keys(portal: Portal) {
    match portal::keys::notify_due(&system_op(&portal)).await {
        Ok(0) => {}
        Ok(told) => tracing::info!(told, "Organizations were told of keys that end or rest unused"),
        Err(error) => tracing::error!("Telling of keys failed: {error:#}"),
    }
}

fn transport(settings: &Settings) -> anyhow::Result<Arc<dyn Transport>> {
    let from = settings.mail.from.clone();
    Ok(match &settings.mail.transport {
        MailTransport::Smtp(smtp) => Arc::new(Smtp::new(smtp.clone(), from, settings.portal.public_url.host())?),
        MailTransport::Directory(folder) => Arc::new(Directory::new(folder.clone(), from)),
        MailTransport::Preview => Arc::new(Preview),
    })
}

/// Where the built files are: `LEPTOS_SITE_ROOT` and `LEPTOS_HASH_FILES`, as cargo-leptos passes them.
fn leptos_options(addr: SocketAddr) -> anyhow::Result<LeptosOptions> {
    let mut options =
        get_configuration(None).context("the settings of the built files (LEPTOS_…) cannot be read")?.leptos_options;
    options.site_addr = addr;
    Ok(options)
}

/// Listens from now on, and not from the first wait on: whoever is told that the program listens may end it at once.
fn asked_to_end() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let asked = {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [SignalKind::interrupt(), SignalKind::terminate()];
        let heard = signals.into_iter().filter_map(|kind| signal(kind).ok());
        let mut heard: Vec<_> = heard.collect();
        std::future::poll_fn(move |context| match heard.iter_mut().any(|one| one.poll_recv(context).is_ready()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        })
    };
    #[cfg(not(unix))]
    let asked = async {
        let _ = tokio::signal::ctrl_c().await; // without signals the program is ended from outside
    };
    asked
}
