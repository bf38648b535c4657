//! The row of a request: begun when it arrives, recorded exactly once when its answer is handed over or its client is
//! gone.
//!
//! Redaction happens here. A recorder is told templates, ids and codes; it is never given a path, a query, a header or a
//! body, so it cannot write one down, and of the caller's address and agent only what the API's profile made of them
//! ([`Peer`]). What the API's log level leaves out is taken away before the row is recorded.

use std::sync::Arc;
use std::time::Duration;

use contract::Refusal;
use contract::apis::LogLevel;
use contract::request_logs::RequestRow;
use http::{Method, StatusCode};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::Inner;
use crate::address::Peer;
use crate::admit::Charge;
use crate::clock::Arrival;
use crate::measures::Measures;
use crate::ports::{Grant, RequestSink, Upstream};

/// The status of a row whose client went away, or stopped sending, before there was an answer. Not registered with
/// IANA; nginx made it common, and no upstream means anything else by it.
pub(crate) const CLIENT_GONE: u16 = 499;

/// One request on its way to becoming a row.
pub(crate) struct Recorder {
    arrival: Arrival,
    /// Gone once recorded.
    row: Option<RequestRow>,
    code: Option<&'static str>,
    charge: Option<Charge>,
    level: LogLevel,
    sink: Arc<dyn RequestSink>,
    measures: Arc<Measures>,
    _open: TaskTrackerToken,
}

impl Recorder {
    pub(crate) fn begin(arrival: Arrival, method: &Method, inner: &Inner) -> Self {
        let (sink, measures, open) = (inner.ports.sink.clone(), inner.measures.clone(), inner.open_rows.token());
        measures.in_flight.increment(1.0);
        let row = RequestRow {
            id: arrival.id,
            at: arrival.at,
            api: None,
            caller: None,
            method: registered(method).to_owned(),
            route: String::new(),
            status: CLIENT_GONE,
            code: None,
            latency_us: 0,
            upstream_us: None,
            response_bytes: 0,
            key_hint: None,
            cost: 0,
            address: None,
            agent: None,
        };
        Self { arrival, row: Some(row), code: None, charge: None, level: LogLevel::Full, sink, measures, _open: open }
    }

    /// An operator's server asks about a request with this method.
    pub(crate) fn asks(&mut self, method: &Method) {
        if let Some(row) = &mut self.row {
            row.method = registered(method).to_owned();
        }
    }

    /// These units were taken from the caller's quota.
    pub(crate) fn charged(&mut self, charge: Charge) {
        self.charge = Some(charge);
    }

    /// An operator's server was told no: the row says what its caller should be told.
    pub(crate) fn decided_against(&mut self, refusal: &Refusal) {
        if let Some(row) = &mut self.row {
            row.status = refusal.status();
        }
        self.refused(refusal);
    }

    /// The path names this API, and this template of it.
    pub(crate) fn addressed(&mut self, upstream: &Upstream, template: Option<&str>) {
        if let Some(row) = &mut self.row {
            row.api = Some((upstream.id, upstream.slug.clone()));
            row.route = template.unwrap_or_default().to_owned();
        }
        self.level = upstream.privacy.log_level;
    }

    /// The key is this one.
    pub(crate) fn called_by(&mut self, grant: &Grant) {
        if let Some(row) = &mut self.row {
            row.caller = Some(grant.caller.clone());
        }
    }

    /// The caller is known, and the profile of its API keeps this of where the request comes from.
    pub(crate) fn comes_from(&mut self, peer: Peer) {
        if let Some(row) = &mut self.row {
            (row.address, row.agent) = (peer.address, peer.agent);
        }
    }

    /// The key is not known; this may be kept of it.
    pub(crate) fn hinted(&mut self, hint: Option<String>) {
        if let Some(row) = &mut self.row {
            row.key_hint = hint;
        }
    }

    /// So long the upstream was waited for.
    pub(crate) fn waited(&mut self, wait: Duration) {
        if let Some(row) = &mut self.row {
            row.upstream_us = Some(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
        }
    }

    /// The answer begins with this status.
    pub(crate) fn answers(&mut self, status: StatusCode) {
        if let Some(row) = &mut self.row {
            row.status = status.as_u16();
        }
    }

    /// The gateway answers itself, or has to break off what the upstream began.
    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        self.code = Some(refusal.code());
    }

    /// So many bytes of the answer's body were handed over.
    pub(crate) fn sent(&mut self, bytes: usize) {
        if let Some(row) = &mut self.row {
            row.response_bytes += bytes as i64;
        }
    }

    /// Records the row; the second time does nothing.
    pub(crate) fn finish(&mut self) {
        let Some(mut row) = self.row.take() else { return };
        row.latency_us = self.arrival.elapsed_us();
        row.code = self.code.map(str::to_owned);
        if !self.level.is_full_for(row.code.is_some()) {
            row.route.clear();
            (row.key_hint, row.address, row.agent) = (None, None, None);
        }
        // What the upstream did not answer costs nothing; a client that left early has had its request forwarded.
        row.cost = match self.charge.take() {
            Some(charge) if row.code.is_some() => {
                charge.give_back();
                0
            }
            Some(charge) => charge.keep(),
            None => 0,
        };
        self.measures.ended(row.status, self.code, row.latency_us);
        self.sink.record(row);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A method as it may be written down: a registered one, or `OTHER`, because any text can stand there.
fn registered(method: &Method) -> &'static str {
    METHODS.iter().copied().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}

/// The IANA HTTP Method Registry, without `PRI` and `*`, which no request can carry. The common ones first.
const METHODS: [&str; 39] = [
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "QUERY",
    "TRACE",
    "CONNECT",
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn a_method_is_written_down_only_if_it_is_registered() {
        for (method, written) in
            [("GET", "GET"), ("PROPFIND", "PROPFIND"), ("get", "OTHER"), ("cs_live_x", "OTHER"), ("PRI", "OTHER")]
        {
            assert_eq!(registered(&Method::from_bytes(method.as_bytes()).unwrap()), written);
        }
    }
}
