//! `POST /verify`: the same decision without forwarding, for operators whose own server stands before the API.
//!
//! The same checks in the same order, the same limits and quotas, the same row. The answer is 200 whatever the decision
//! is; only a wrong service token, an unreadable body and a body that is too large are refused as such.

use bytes::Bytes;
use contract::Refusal;
use contract::keys::hash::KeyHasher;
use contract::limits::{Limit, LimitLevel, Period};
use contract::refusal::ProblemDocument;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use crate::Gateway;
use crate::address::ClientAddress;
use crate::admit::{Asked, Denied, Standing, admit};
use crate::authenticate::{Verdict, bearer};
use crate::clock::Arrival;
use crate::problem::{REQUEST_ID, request_id};
use crate::record::Recorder;

/// A key, a path and a few words.
const BODY_MAX: usize = 16 * 1024;

/// Most units that one call may cost, as for routes.
const COST_MAX: i64 = 1_000;

/// What the operator's server asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The text that its caller presented as a key.
    key: String,
    /// Slug of the API.
    api: String,
    /// Path or template within the API.
    #[serde(default)]
    route: Option<String>,
    #[serde(default)]
    method: Option<String>,
    /// Units, instead of those of the route.
    #[serde(default)]
    cost: Option<i64>,
    /// Where the caller is.
    #[serde(default)]
    client_ip: Option<String>,
}

#[derive(Serialize)]
struct Decision {
    valid: bool,
    /// `ok`, or why not.
    code: &'static str,
    /// What to tell the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'static str>,
    scopes: Vec<String>,
    limits: Vec<LimitState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaState>,
    request_id: String,
}

#[derive(Serialize)]
struct LimitState {
    level: LimitLevel,
    #[serde(flatten)]
    limit: Limit,
    remaining: u32,
    full_in_s: u32,
}

#[derive(Serialize)]
struct QuotaState {
    units: i64,
    period: Period,
    remaining: i64,
    ends_at: contract::Millis,
}

/// Tokens of the operator's servers. Compared by keyed hash, so that the time of a comparison tells nothing.
pub(crate) struct ServiceTokens {
    hasher: KeyHasher,
    hashes: Vec<contract::keys::hash::KeyHash>,
}

impl ServiceTokens {
    pub(crate) fn new(hasher: KeyHasher, tokens: &[String]) -> Self {
        let hashes = tokens.iter().map(|token| hasher.hash(token)).collect();
        Self { hasher, hashes }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let presented = headers.get(AUTHORIZATION).and_then(bearer).and_then(|token| std::str::from_utf8(token).ok());
        presented.is_some_and(|token| self.hashes.contains(&self.hasher.hash(token)))
    }
}

impl Gateway {
    /// Answers a question, or says why it cannot.
    pub(crate) async fn verify(
        &self,
        headers: &HeaderMap,
        body: Incoming,
        arrival: Arrival,
        recorder: &mut Recorder,
    ) -> Result<Response<Bytes>, Refusal> {
        if !self.inner.service_tokens.admits(headers) {
            return Err(Refusal::ServiceTokenRefused);
        }
        let body = Limited::new(body, BODY_MAX).collect().await.map_err(|_| Refusal::TooLarge)?.to_bytes();
        let unreadable = |_| Refusal::InvalidInput { fields: Vec::new() };
        let question: Question = serde_json::from_slice(&body).map_err(unreadable)?;
        if question.cost.is_some_and(|cost| !(0..=COST_MAX).contains(&cost)) {
            return Err(Refusal::InvalidInput { fields: Vec::new() });
        }
        let decision = self.decide(&question, arrival, recorder);
        let body = Bytes::from(serde_json::to_vec(&decision).unwrap_or_default());
        let mut answer = Response::new(body);
        let length = answer.body().len();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(id) = request_id(arrival.id) {
            headers.insert(REQUEST_ID, id);
        }
        Ok(answer)
    }

    fn decide(&self, question: &Question, arrival: Arrival, recorder: &mut Recorder) -> Decision {
        let inner = &*self.inner;
        let mut decision = Decision {
            valid: true,
            code: "ok",
            problem: None,
            key_id: None,
            organization_id: None,
            environment: None,
            scopes: Vec::new(),
            limits: Vec::new(),
            quota: None,
            request_id: arrival.id.to_string(),
        };
        match self.judge(question, arrival, recorder, &mut decision) {
            Ok(standing) => decision.stands(Some(standing)),
            Err(Denied { refusal, standing }) => {
                decision.valid = false;
                decision.code = refusal.code();
                decision.problem = Some(ProblemDocument::new(&refusal, &inner.portal_url, arrival.id));
                decision.stands(standing);
                recorder.decided_against(&refusal);
            }
        }
        decision
    }

    fn judge(
        &self,
        question: &Question,
        arrival: Arrival,
        recorder: &mut Recorder,
        decision: &mut Decision,
    ) -> Result<Standing, Denied> {
        let inner = &*self.inner;
        let method = question.method.as_deref().and_then(|text| Method::from_bytes(text.as_bytes()).ok());
        let method = method.unwrap_or(Method::GET);
        recorder.asks(&method);
        let upstream = inner.ports.upstreams.find(&question.api);
        let route = upstream.as_ref().zip(question.route.as_deref());
        let route = route.and_then(|(upstream, path)| upstream.routes.find(&method, path));
        if let Some(upstream) = &upstream {
            recorder.addressed(upstream, route.map(|route| route.template));
        }
        let grant = match inner.keyring.verdict(question.key.trim().as_bytes()) {
            Verdict::Admitted { grant, .. } => grant,
            Verdict::Refused { refusal, grant, hint } => {
                recorder.hinted(hint);
                if let Some(grant) = grant {
                    recorder.called_by(&grant);
                    decision.is_by(&grant);
                }
                return Err(if upstream.is_none() { Refusal::UnknownApi } else { refusal }.into());
            }
        };
        recorder.called_by(&grant);
        decision.is_by(&grant);
        let upstream = upstream.as_ref().ok_or(Refusal::UnknownApi)?;
        let asked = Asked {
            upstream,
            route,
            address: question.client_ip.as_deref().and_then(ClientAddress::told),
            origin: None,
            cost: question.cost,
            at: arrival.at,
            now: arrival.ticks(),
        };
        let ticket = admit(&grant, &asked, &*inner.ports.subscriptions, &*inner.ports.sink)?;
        recorder.charged(ticket.charge);
        Ok(ticket.standing)
    }
}

impl Decision {
    fn is_by(&mut self, grant: &crate::Grant) {
        self.key_id = Some(grant.caller.key.to_string());
        self.organization_id = Some(grant.caller.organization.to_string());
        self.environment = Some(grant.caller.environment.word());
        self.scopes.clone_from(&grant.scopes);
    }

    fn stands(&mut self, standing: Option<Standing>) {
        let Some(standing) = standing else { return };
        self.limits = standing
            .limits
            .into_iter()
            .map(|reading| LimitState {
                level: reading.level,
                limit: reading.limit,
                remaining: reading.remaining,
                full_in_s: reading.full_in_s,
            })
            .collect();
        self.quota = standing.quota.map(|reading| QuotaState {
            units: reading.quota.units,
            period: reading.quota.period,
            remaining: reading.remaining,
            ends_at: reading.ends_at,
        });
    }
}
