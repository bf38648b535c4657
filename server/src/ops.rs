//! The operations listener: is the process alive, is it ready, how is it doing.
//!
//! - `/healthz` answers 200 as long as the process can answer at all: a supervisor restarts what does not.
//! - `/readyz` answers 503 with the names of what is missing: a balancer sends no traffic there.
//! - `/metrics` is in the text format of Prometheus.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

/// How long the database may take to answer a check. Balancers ask every few seconds and give up after a few more.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the process needs before it can serve, besides a database that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The tables are those of this version.
    Migrations,
    /// The gateway knows keys and APIs.
    GatewayDirectory,
    /// Somebody sends the queued mails.
    MailWorker,
}

impl Part {
    const ALL: [Self; 3] = [Self::Migrations, Self::GatewayDirectory, Self::MailWorker];

    const fn name(self) -> &'static str {
        match self {
            Self::Migrations => "migrations",
            Self::GatewayDirectory => "gateway_directory",
            Self::MailWorker => "mail_worker",
        }
    }
}

type Check = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What is there of what the process needs. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Readiness {
    shared: Arc<Shared>,
}

struct Shared {
    database: Check,
    /// How many [`Ready`] are held for each part, in the order of [`Part::ALL`].
    held: [AtomicUsize; Part::ALL.len()],
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.shared.held).finish()
    }
}

/// Says that a part is ready, for as long as it is held: a task that ends or panics is noticed.
#[derive(Debug)]
#[must_use = "the part is ready only while this is held"]
pub struct Ready {
    readiness: Readiness,
    part: Part,
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.readiness.shared.held[self.part as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Serialize)]
struct Report {
    ready: bool,
    checks: serde_json::Map<String, serde_json::Value>,
    missing: Vec<&'static str>,
}

impl Readiness {
    /// Nothing is ready yet. `database` asks the database something cheap and tells whether it answered.
    pub fn new<F, Answer>(database: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = bool> + Send + 'static,
    {
        let database: Check = Box::new(move || Box::pin(database()));
        Self { shared: Arc::new(Shared { database, held: Default::default() }) }
    }

    /// Declares a part ready until the returned value is dropped. Hold it in the task that does the work.
    pub fn ready(&self, part: Part) -> Ready {
        self.shared.held[part as usize].fetch_add(1, Ordering::Relaxed);
        Ready { readiness: self.clone(), part }
    }

    async fn report(&self) -> Report {
        let database = tokio::time::timeout(PATIENCE, (self.shared.database)()).await.unwrap_or(false);
        let parts = Part::ALL.map(|part| (part.name(), self.shared.held[part as usize].load(Ordering::Relaxed) > 0));
        let all: Vec<(&str, bool)> = std::iter::once(("database", database)).chain(parts).collect();
        Report {
            ready: all.iter().all(|(_, there)| *there),
            checks: all.iter().map(|(name, there)| ((*name).to_owned(), (*there).into())).collect(),
            missing: all.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect(),
        }
    }
}

/// The three routes.
pub fn router(metrics: PrometheusHandle, readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(render).with_state(metrics))
}

async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    let report = readiness.report().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(report))
}

async fn render(State(metrics): State<PrometheusHandle>) -> impl IntoResponse {
    // The version is part of the type: https://prometheus.io/docs/instrumenting/exposition_formats/
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(path: &str, readiness: &Readiness) -> (StatusCode, String) {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || metrics::counter!("countersign_test_total").increment(3));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router(recorder.handle(), readiness.clone()).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_process_is_alive_before_it_is_ready() {
        let readiness = Readiness::new(async || true);
        assert_eq!(ask("/healthz", &readiness).await, (StatusCode::OK, "ok".to_owned()));
        let (status, body) = ask("/readyz", &readiness).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["missing"], serde_json::json!(["migrations", "gateway_directory", "mail_worker"]));
        assert_eq!(body["checks"]["database"], true);
    }

    #[tokio::test]
    async fn it_is_ready_when_all_parts_are_and_no_longer_when_one_ends() {
        let readiness = Readiness::new(async || true);
        let parts = Part::ALL.map(|part| readiness.ready(part));
        let (status, body) = ask("/readyz", &readiness).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("\"missing\":[]"), "{body}");
        let [_migrations, _directory, worker] = parts;
        let task = tokio::spawn(async move {
            let _worker = worker;
            panic!("the worker fails");
        });
        assert!(task.await.is_err());
        let (status, body) = ask("/readyz", &readiness).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("\"missing\":[\"mail_worker\"]"), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_fails_or_never_answers_is_missing() {
        let silent = Readiness::new(std::future::pending::<bool>);
        let failing = Readiness::new(async || false);
        for readiness in [silent, failing] {
            let _parts = Part::ALL.map(|part| readiness.ready(part));
            let (status, body) = ask("/readyz", &readiness).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(body.contains("\"missing\":[\"database\"]"), "{body}");
        }
    }

    #[tokio::test]
    async fn metrics_are_rendered_as_text() {
        let (status, body) = ask("/metrics", &Readiness::new(async || true)).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("countersign_test_total 3"), "{body}");
    }
}
