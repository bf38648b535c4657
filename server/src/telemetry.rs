//! Logs and metrics.
//!
//! A log line holds no personal data. Allowed as fields are: ids of ours (`request_id`, `account_id`, `key_id`,
//! `mail_id`, …), codes and kinds from closed lists, statuses, counts, durations, names of files and settings, places in
//! the source, and the reasons of failures that are not built from input. Not allowed are names, addresses of mail or
//! network, user agents, secrets, links, bodies, and whatever a person or program sent us.
//!
//! Other people's libraries make no such promise, so of them only warnings and errors are kept, whatever the filter says.

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt};

use crate::config::{Log, LogFormat};

/// Crates whose log lines keep the promise above.
const OURS: [&str; 9] =
    ["almanac", "app", "contract", "countersign", "gateway", "migrations", "portal", "request_logs", "server"];

/// From half a millisecond, which a gateway call takes at best, to the longest upstream timeout that makes sense.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Sends log lines to standard error, and panics to the log.
///
/// # Errors
/// If the filter cannot be read, or logs were started before.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter: EnvFilter = log.filter.parse().context("log.filter cannot be read")?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    };
    filtered(filter).with(lines).try_init().context("logs were started before")?;
    log_panics();
    Ok(())
}

/// Filters for all layers, not of one: there, whoever only asks whether a line would be logged, as sqlx does, makes the
/// next line disappear.
fn filtered(filter: EnvFilter) -> impl Subscriber + for<'span> LookupSpan<'span> + Send + Sync {
    Registry::default().with(filter_fn(may_be_logged)).with(filter)
}

fn may_be_logged(line: &Metadata<'_>) -> bool {
    let of = line.target().split("::").next().unwrap_or_default();
    *line.level() <= Level::WARN || OURS.contains(&of)
}

/// The message of a panic can hold what was being worked on, so only its place is logged.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        metrics::counter!("countersign_panics_total").increment(1);
        tracing::error!(place, "Panicked at {place}");
    }));
}

/// Starts the collection of metrics. Call [`PrometheusHandle::run_upkeep`] now and then, or histograms grow.
///
/// # Errors
/// If it was started before.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    recorder()?.install_recorder().context("metrics were started before")
}

fn recorder() -> anyhow::Result<PrometheusBuilder> {
    Ok(PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn other_peoples_libraries_log_warnings_only_whatever_the_filter_says() {
        let sink = Sink::default();
        let writer = sink.clone();
        let filter: EnvFilter = "trace,sqlx::query=trace".parse().unwrap();
        let subscriber = filtered(filter).with(fmt::layer().with_writer(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "sqlx::query", "statement of ada");
            tracing::info!(target: "hyper::proto", "bytes of ada");
            tracing::info!(target: "portals", "a crate that only sounds like ours");
            tracing::warn!(target: "sqlx::pool", "slow");
            tracing::trace!(target: "gateway::forward", "ours");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("slow") && text.contains("ours") && !text.contains("ada"), "{text}");
    }

    #[test]
    fn no_line_is_lost_because_somebody_asked_about_another() {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = filtered("info".parse().unwrap()).with(fmt::layer().with_writer(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..2 {
                assert!(!tracing::enabled!(target: "sqlx::postgres::notice", Level::INFO));
                tracing::info!(target: "server::serve", "Listening");
            }
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn durations_are_counted_in_buckets() {
        let recorder = recorder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || metrics::histogram!("countersign_test_seconds").record(0.003));
        assert!(handle.render().contains("countersign_test_seconds_bucket{le=\"0.005\"} 1"), "{}", handle.render());
    }
}
