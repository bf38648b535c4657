//! `GET /api/v1/request-logs/live`: rows as server-sent events (WHATWG HTML §9.2), one stream for pages and programs.
//!
//! - `scope`: `organization` (default) or `operator`; `filter`: the text of a filter; `since`: milliseconds, rows from
//!   then on are sent first.
//! - Each event is a JSON [`LiveEvent`]. A viewer that is too slow is told how many rows were passed over.
//! - The browser repeats `Last-Event-ID` after a lost connection: rows since then are sent again, known ones included.

use std::convert::Infallible;
use std::time::Duration;

use app::backend::RequestContext;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use contract::Millis;
use contract::request_logs::{Filter, LiveEvent, RequestRow};
use contract::{OrganizationId, Permission, Refusal};
use futures_util::stream::{self, Stream};
use portal::Scope;
use request_logs::{Tail, TailEvent};
use serde::Deserialize;

use super::AppState;
use super::answers::{failed, refused};

/// A proxy between us and the viewer closes what is silent for a minute.
const BEAT: Duration = Duration::from_secs(15);

/// How much of a query that cannot be read is repeated: as much as of a filter.
const SHOWN_QUERY: usize = 60;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    scope: String,
    #[serde(default)]
    filter: String,
    since: Option<Millis>,
}

struct Viewer {
    tail: Tail,
    filter: Filter,
    organization: Option<OrganizationId>,
    first: Vec<LiveEvent>,
}

/// Opens the stream.
pub(super) async fn live(
    State(state): State<AppState>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let op = &context.op;
    let Ok(Query(asked)) = asked else {
        let part = raw.unwrap_or_default().chars().take(SHOWN_QUERY).collect();
        return refused(&state, op.request, &headers, &Refusal::FilterUnreadable { part });
    };
    let scope = if asked.scope == "operator" { Scope::Everything } else { Scope::Organization };
    let filter: Filter = match asked.filter.parse() {
        Ok(filter) => filter,
        Err(refusal) => return refused(&state, op.request, &headers, &refusal),
    };
    let organization = match op.require_scope(scope, Permission::ReadRequestLogs) {
        Ok(organization) => organization,
        Err(error) => return failed(&state, op.request, error),
    };
    // Listening starts before reading, so that no row falls between the two.
    let tail = state.ledger.tail();
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse::<Millis>().ok());
    let since = last.or(asked.since);
    let mut first = vec![LiveEvent::Connected];
    if let Some(since) = since {
        match portal::request_logs::since(op, scope, &filter, since).await {
            Ok(missed) => {
                if missed.before > 0 {
                    first.push(LiveEvent::Skipped { rows: missed.before });
                }
                if !missed.rows.is_empty() {
                    first.push(LiveEvent::Rows { rows: missed.rows });
                }
            }
            Err(error) => return failed(&state, op.request, error),
        }
    }
    first.reverse();
    let viewer = Viewer { tail, filter, organization, first };
    let mut answer = Sse::new(events(viewer)).keep_alive(KeepAlive::new().interval(BEAT)).into_response();
    // A proxy that collects the stream before passing it on makes it useless.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    answer
}

fn events(viewer: Viewer) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(viewer, async |mut viewer| {
        if let Some(event) = viewer.first.pop() {
            return Some((Ok(written(&event)), viewer));
        }
        loop {
            let event = match viewer.tail.next().await? {
                TailEvent::Skipped(rows) => LiveEvent::Skipped { rows },
                TailEvent::Rows(rows) => {
                    let rows: Vec<RequestRow> = rows.iter().filter(|row| viewer.may_see(row)).cloned().collect();
                    if rows.is_empty() {
                        continue;
                    }
                    LiveEvent::Rows { rows }
                }
            };
            return Some((Ok(written(&event)), viewer));
        }
    })
}

impl Viewer {
    fn may_see(&self, row: &RequestRow) -> bool {
        let own =
            self.organization.is_none_or(|own| row.caller.as_ref().is_some_and(|caller| caller.organization == own));
        own && self.filter.matches(row)
    }
}

fn written(event: &LiveEvent) -> Event {
    let answer = Event::default();
    let answer = match event {
        LiveEvent::Rows { rows } => match rows.iter().map(|row| row.at).max() {
            Some(newest) => answer.id(newest.to_string()),
            None => answer,
        },
        LiveEvent::Connected | LiveEvent::Skipped { .. } => answer,
    };
    // Events are plain data: writing them as JSON cannot fail.
    answer.data(serde_json::to_string(event).unwrap_or_default())
}
