//! `POST /verify`: the same decision without forwarding, for operators whose own server stands before the API.
//!
//! The same checks in the same order, the same limits and quotas, the same row. The answer is 200 whatever the decision
//! is; only a wrong service token, an unreadable body and a body that is too large are refused as such.

use bytes::{BufMut as _, Bytes, BytesMut};
use contract::Refusal;
use contract::limits::{Limit, LimitLevel, Period};
use contract::refusal::ProblemDocument;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq as _};

use crate::Gateway;
use crate::address::ClientAddress;
use crate::admit::{Asked, Denied, Standing, Ungranted, admit};
use crate::authenticate::{Verdict, bearer};
use crate::clock::Arrival;
use crate::path::is_unambiguous;
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

impl Question {
    /// Reads the documented object, and nothing that resembles it.
    fn read(body: &[u8]) -> Option<Self> {
        // `serde` takes the values in an array too, by their places.
        let is_object = body.trim_ascii_start().starts_with(b"{");
        let question: Self = is_object.then(|| serde_json::from_slice(body).ok()).flatten()?;
        question.cost.is_none_or(|cost| (0..=COST_MAX).contains(&cost)).then_some(question)
    }
}

#[cfg(test)]
pub(crate) fn is_question(body: &[u8]) -> bool {
    Question::read(body).is_some()
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
    #[serde(skip)]
    ungranted: Option<Ungranted>,
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

/// Tokens of the operator's servers. All of them are compared, in a time that tells nothing but their lengths.
pub(crate) struct ServiceTokens(Vec<String>);

impl ServiceTokens {
    pub(crate) fn new(tokens: Vec<String>) -> Self {
        Self(tokens)
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(presented) = headers.get(AUTHORIZATION).and_then(bearer) else { return false };
        let is_one = |known: Choice, token: &String| known | token.as_bytes().ct_eq(presented);
        self.0.iter().fold(Choice::from(0), is_one).into()
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
        let question = Question::read(&body).ok_or(Refusal::InvalidInput { fields: Vec::new() })?;
        let mut decision = self.decide(&question, arrival, recorder);
        if let Some(Ungranted { organization, cost }) = decision.ungranted
            && let Some(upstream) = self.inner.ports.upstreams.find(&question.api)
            && self.inner.ports.subscriptions.more(organization, &upstream, cost).await
        {
            decision = self.decide(&question, arrival, recorder);
        }
        if decision.ungranted.is_some() {
            recorder.decided_against(&Refusal::QuotaUnavailable);
        }
        let body = decision.to_json();
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
            ungranted: None,
            request_id: arrival.id.to_string(),
        };
        match self.judge(question, arrival, recorder, &mut decision) {
            Ok(standing) => decision.stands(Some(standing)),
            Err(Denied { refusal, standing, ungranted }) => {
                decision.valid = false;
                decision.code = refusal.code();
                decision.problem = Some(ProblemDocument::new(&refusal, &inner.portal_url, arrival.id));
                decision.stands(standing.map(|standing| *standing));
                decision.ungranted = ungranted;
                // Whoever only lacks a grant may be asked for again.
                if ungranted.is_none() {
                    recorder.decided_against(&refusal);
                }
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
        // As for a request: whoever forwards it could find another operation in it than we do.
        if question.route.as_deref().is_some_and(|path| path.starts_with('/') && !is_unambiguous(path)) {
            return Err(Refusal::AmbiguousPath.into());
        }
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

/// JSON of which everything but lists and problems is known to need no escaping.
struct Plain(BytesMut);

impl Plain {
    fn raw(&mut self, text: &str) -> &mut Self {
        self.0.put_slice(text.as_bytes());
        self
    }

    fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.raw(itoa::Buffer::new().format(number))
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.raw(",\"").raw(name).raw("\":\"").raw(text).raw("\"");
        }
    }

    fn value(&mut self, name: &str, value: &impl Serialize) {
        self.raw(",\"").raw(name).raw("\":");
        // Writing to memory cannot fail, and these are plain data.
        let _ = serde_json::to_writer((&mut self.0).writer(), value);
    }
}

impl Decision {
    /// What `serde_json` writes of it, several times as fast: ids, words and numbers need no look at each character.
    fn to_json(&self) -> Bytes {
        let mut json = Plain(BytesMut::with_capacity(640));
        json.raw("{\"valid\":").raw(if self.valid { "true" } else { "false" });
        json.text("code", Some(self.code));
        if let Some(problem) = &self.problem {
            json.value("problem", problem);
        }
        json.text("key_id", self.key_id.as_deref());
        json.text("organization_id", self.organization_id.as_deref());
        json.text("environment", self.environment);
        if self.scopes.is_empty() {
            json.raw(",\"scopes\":[]");
        } else {
            json.value("scopes", &self.scopes);
        }
        json.raw(",\"limits\":[");
        for (place, state) in self.limits.iter().enumerate() {
            json.raw(if place == 0 { "{\"level\":\"" } else { ",{\"level\":\"" }).raw(state.level.word());
            json.raw("\",\"requests\":").number(state.limit.requests);
            json.raw(",\"seconds\":").number(state.limit.seconds);
            json.raw(",\"remaining\":").number(state.remaining);
            json.raw(",\"full_in_s\":").number(state.full_in_s).raw("}");
        }
        json.raw("]");
        if let Some(quota) = &self.quota {
            json.raw(",\"quota\":{\"units\":").number(quota.units);
            json.raw(",\"period\":\"").raw(quota.period.word());
            json.raw("\",\"remaining\":").number(quota.remaining);
            json.raw(",\"ends_at\":").number(quota.ends_at).raw("}");
        }
        json.text("request_id", Some(&self.request_id));
        json.raw("}");
        json.0.freeze()
    }

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn the_fast_writer_writes_what_serde_would() {
        let state =
            |level| LimitState { level, limit: Limit { requests: 60, seconds: 1 }, remaining: u32::MAX, full_in_s: 0 };
        let id = contract::RequestId::new(uuid::Uuid::from_u128(7));
        for (number, limits) in [Vec::new(), vec![LimitLevel::Key], LimitLevel::ALL.to_vec()].into_iter().enumerate() {
            let is_valid = number > 0;
            let decision = Decision {
                valid: is_valid,
                code: if is_valid { "ok" } else { "unknown_key" },
                problem: (!is_valid).then(|| ProblemDocument::new(&Refusal::UnknownKey, "http://\"portal", id)),
                key_id: is_valid.then(|| "key_1".to_owned()),
                organization_id: is_valid.then(|| "org_1".to_owned()),
                environment: is_valid.then_some("live"),
                scopes: (0..number).map(|number| format!("a\"{number}")).collect(),
                limits: limits.into_iter().map(state).collect(),
                quota: is_valid.then_some(QuotaState {
                    units: i64::MAX,
                    period: Period::Month,
                    remaining: -1,
                    ends_at: 1_835_481_600_000,
                }),
                request_id: id.to_string(),
                ungranted: None,
            };
            let fast = decision.to_json();
            assert_eq!(std::str::from_utf8(&fast).unwrap(), serde_json::to_string(&decision).unwrap());
        }
    }
}
