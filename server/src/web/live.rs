//! `GET /api/v1/request-logs/live`: rows as server-sent events (WHATWG HTML §9.2), one stream for pages and programs.
//!
//! - `scope`: `organization` (default) or `operator`; `filter`: the text of a filter; `since`: milliseconds, rows from
//!   then on are sent first.
//! - Each event is a JSON [`LiveEvent`]. A viewer that is too slow is told how many rows were passed over.
//! - Pages open it with their session, programs with an access token, which reads events in the shape that the REST API
//!   promises.
//! - The browser repeats `Last-Event-ID` after a lost connection: rows since then are sent again, known ones included.

use std::convert::Infallible;
use std::time::Duration;

use app::backend::RequestContext;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use contract::Millis;
use contract::request_logs::{Filter, LiveEvent, RequestRow};
use contract::{OrganizationId, Refusal, SessionId};
use futures_util::stream::{self, Stream};
use portal::{Actor, Portal, Scope, TokenHolder};
use request_logs::{Tail, TailEvent};
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};

use super::AppState;
use super::answers::{failed, refused};
use crate::api::RequestLog;
use crate::clock;

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

/// How often a stream looks whether its session is still good: another process may have ended it, or time may have.
const LOOK: Duration = Duration::from_secs(1);

/// By what the stream is held open.
enum Holder {
    Session(SessionId),
    Token(Box<TokenHolder>),
}

struct Viewer {
    portal: Portal,
    holder: Holder,
    endings: broadcast::Receiver<SessionId>,
    looks: Interval,
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
    if op.actor == Actor::Anonymous && headers.contains_key(header::AUTHORIZATION) {
        return refused(&state, op.request, &headers, &Refusal::InvalidToken);
    }
    let Ok(Query(asked)) = asked else {
        let part = raw.unwrap_or_default().chars().take(SHOWN_QUERY).collect();
        return refused(&state, op.request, &headers, &Refusal::FilterUnreadable { part });
    };
    let scope = if asked.scope == "operator" { Scope::Everything } else { Scope::Organization };
    let filter: Filter = match asked.filter.parse() {
        Ok(filter) => filter,
        Err(refusal) => return refused(&state, op.request, &headers, &refusal),
    };
    let organization = match portal::request_logs::watch(op, scope).await {
        Ok(organization) => organization,
        Err(error) => return failed(&state, op.request, error),
    };
    let holder = match &op.actor {
        Actor::Account(person) => Holder::Session(person.session),
        Actor::Token(token) => Holder::Token(token.clone()),
        // What reads everybody's rows, or an organization's, is somebody.
        Actor::Anonymous | Actor::System => return refused(&state, op.request, &headers, &Refusal::NotSignedIn),
    };
    let endings = state.portal.endings();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
    let portal = state.portal.clone();
    let viewer = Viewer { portal, holder, endings, looks, tail, filter, organization, first };
    let mut answer = Sse::new(events(viewer)).keep_alive(KeepAlive::new().interval(BEAT)).into_response();
    // A proxy that collects the stream before passing it on makes it useless.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    answer
}

fn events(viewer: Viewer) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(viewer, async |mut viewer| {
        if let Some(event) = viewer.first.pop() {
            return Some((Ok(viewer.written(&event)), viewer));
        }
        loop {
            let next = tokio::select! {
                next = viewer.tail.next() => next?,
                () = holder_ends(&viewer.portal, &viewer.holder, &mut viewer.endings, &mut viewer.looks) => return None,
            };
            let event = match next {
                TailEvent::Skipped(rows) => LiveEvent::Skipped { rows },
                TailEvent::Rows(rows) => {
                    let rows: Vec<RequestRow> = rows.iter().filter(|row| viewer.may_see(row)).cloned().collect();
                    if rows.is_empty() {
                        continue;
                    }
                    LiveEvent::Rows { rows }
                }
            };
            return Some((Ok(viewer.written(&event)), viewer));
        }
    })
}

/// Returns when the session has ended: at once when it was ended here, within a second when it was ended elsewhere or
/// its time is up. A token ends within a second, also when its person may not any more what they might at the start.
async fn holder_ends(
    portal: &Portal,
    holder: &Holder,
    endings: &mut broadcast::Receiver<SessionId>,
    looks: &mut Interval,
) {
    loop {
        tokio::select! {
            ended = endings.recv() => match ended {
                Ok(ended) if matches!(holder, Holder::Session(session) if *session == ended) => return,
                // Passed over some: the next look finds it.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = looks.tick() => match is_open(portal, holder).await {
                Ok(true) => {}
                Ok(false) => return,
                // Whoever cannot be found to be signed in sees nothing.
                Err(error) => {
                    tracing::warn!("A live stream ends: whether its session is open could not be asked: {error:#}");
                    return;
                }
            },
        }
    }
}

async fn is_open(portal: &Portal, holder: &Holder) -> portal::Result<bool> {
    match holder {
        Holder::Session(session) => portal::sessions::is_open(portal, *session, clock::now()).await,
        Holder::Token(token) => portal::access_tokens::is_open(portal, token, clock::now()).await,
    }
}

impl Viewer {
    /// Pages are told what they show, programs what is promised to them.
    fn written(&self, event: &LiveEvent) -> Event {
        // Events are plain data: writing them as JSON cannot fail.
        let text = match self.holder {
            Holder::Session(_) => serde_json::to_string(event).unwrap_or_default(),
            Holder::Token(_) => RequestLog::event(event).to_string(),
        };
        with_id(event).data(text)
    }

    fn may_see(&self, row: &RequestRow) -> bool {
        let own =
            self.organization.is_none_or(|own| row.caller.as_ref().is_some_and(|caller| caller.organization == own));
        own && self.filter.matches(row)
    }
}

fn with_id(event: &LiveEvent) -> Event {
    let answer = Event::default();
    match event {
        LiveEvent::Rows { rows } => match rows.iter().map(|row| row.at).max() {
            Some(newest) => answer.id(newest.to_string()),
            None => answer,
        },
        LiveEvent::Connected | LiveEvent::Skipped { .. } => answer,
    }
}
