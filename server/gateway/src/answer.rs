//! One request from its arrival to its answer: the published order of checks, and the body that ends the row.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use contract::Refusal;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::address::{ClientAddress, Peer};
use crate::admit::{Asked, Denied, Standing, Ungranted, admit};
use crate::authenticate::Verdict;
use crate::clock::Arrival;
use crate::forward::{Call, Failure};
use crate::ports::{Grant, Upstream};
use crate::record::Recorder;
use crate::upgrade::{self, Tunnel};
use crate::{Gateway, RESERVED, cors, headers, host, path, problem, standing};

/// The client broke off: there is nobody to answer, so the connection ends.
#[derive(Debug)]
pub(crate) struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client broke off its request")
    }
}

impl std::error::Error for Gone {}

/// Where the operator's servers ask; its segment is one of [`RESERVED`].
const VERIFY: &str = "/verify";

/// A request that may be forwarded.
struct Admitted<'a> {
    upstream: Arc<Upstream>,
    grant: Arc<Grant>,
    secret: &'a str,
    /// The path behind the slug; begins with `/`.
    path: &'a str,
    standing: Standing,
}

/// How far the checks came.
enum Checked<'a> {
    Admitted(Box<Admitted<'a>>),
    /// A browser asks before it sends a request.
    Preflight(Response<Bytes>),
    Denied(Denied, Option<Arc<Upstream>>),
}

impl Gateway {
    /// `peer` is where the connection comes from.
    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Result<Response<AnswerBody>, Gone> {
        if is_health_check(&request) {
            return Ok(health());
        }
        let arrival = Arrival::now();
        let inner = &*self.inner;
        let mut recorder = Recorder::begin(arrival, request.method(), inner);
        let (parts, body) = request.into_parts();
        if parts.uri.path() == VERIFY {
            return Ok(self.answer_to_server(&parts, body, arrival, recorder).await);
        }
        let mut checked = self.check(&parts, peer, arrival, &mut recorder);
        if let Checked::Denied(Denied { ungranted: Some(Ungranted { organization, cost }), .. }, Some(upstream)) =
            &checked
            && inner.ports.subscriptions.more(*organization, upstream, *cost).await
        {
            checked = self.check(&parts, peer, arrival, &mut recorder);
        }
        let (denied, upstream) = match checked {
            Checked::Preflight(answer) => {
                recorder.answers(answer.status());
                return Ok(answer.map(|_| AnswerBody::new(Source::Own(None), recorder)));
            }
            Checked::Denied(denied, upstream) => (denied, upstream),
            Checked::Admitted(admitted) => match self.forward(&admitted, &parts, body, arrival, &mut recorder).await {
                Ok(mut answer) => {
                    recorder.answers(answer.status());
                    if let Some(tunnel) = answer.extensions_mut().remove::<Tunnel>() {
                        let (gateway, headers) = (self.clone(), parts.headers.clone());
                        inner.tunnels.begin(tunnel, recorder, move || gateway.is_open_to(&headers));
                        return Ok(answer.map(|_| AnswerBody::nobodys(None)));
                    }
                    return Ok(answer.map(|body| AnswerBody::new(Source::Upstream(body), recorder)));
                }
                Err(Failure::Gone) => return Err(Gone),
                Err(Failure::Refused(refusal)) => {
                    let Admitted { upstream, standing, .. } = *admitted;
                    (Denied { refusal, standing: Some(Box::new(standing)), ungranted: None }, Some(upstream))
                }
            },
        };
        let mut answer = problem::problem(&denied.refusal, &inner.portal_url, arrival.id);
        if let Some(numbers) = &denied.standing {
            standing::write(numbers, arrival.at, answer.headers_mut());
        }
        if let Some(origin) = upstream.and_then(|upstream| cors::allowed_origin(&parts.headers, &upstream)) {
            cors::allow(origin, answer.headers_mut());
        }
        recorder.answers(answer.status());
        recorder.refused(&denied.refusal);
        // The length stays in the headers (RFC 9110 §9.3.2).
        let bodiless = parts.method == Method::HEAD;
        Ok(answer.map(|bytes| AnswerBody::new(Source::Own((!bodiless).then_some(bytes)), recorder)))
    }

    /// Decides about a request with this head as if it were to be forwarded, charges it, and records it as answered or
    /// refused: everything that the gateway itself does for a request, without the network. For whoever measures that.
    ///
    /// # Errors
    /// The refusal that its sender would be told.
    pub fn decide_and_record(&self, parts: &Parts, peer: IpAddr) -> Result<(), Refusal> {
        let arrival = Arrival::now();
        let mut recorder = Recorder::begin(arrival, &parts.method, &self.inner);
        let decided = match self.check(parts, peer, arrival, &mut recorder) {
            Checked::Denied(denied, _) => Err(denied.refusal),
            Checked::Admitted(_) | Checked::Preflight(_) => Ok(()),
        };
        match &decided {
            Ok(()) => recorder.answers(http::StatusCode::OK),
            Err(refusal) => recorder.decided_against(refusal),
        }
        recorder.finish();
        decided
    }

    /// Whether the key in these headers, which was admitted once, would still be.
    fn is_open_to(&self, headers: &http::HeaderMap) -> bool {
        let now = Arrival::now().at;
        matches!(
            self.inner.keyring.authenticate(headers),
            Verdict::Admitted { grant, .. } if grant.expires_at.is_none_or(|end| end > now)
        )
    }

    async fn answer_to_server(
        &self,
        parts: &Parts,
        body: Incoming,
        arrival: Arrival,
        mut recorder: Recorder,
    ) -> Response<AnswerBody> {
        let decided = match parts.method {
            Method::POST => {
                recorder.answers(http::StatusCode::OK);
                self.verify(&parts.headers, body, arrival, &mut recorder).await
            }
            _ => Err(Refusal::MethodNotAllowed),
        };
        let answer = decided.unwrap_or_else(|refusal| {
            let answer = problem::problem(&refusal, &self.inner.portal_url, arrival.id);
            recorder.answers(answer.status());
            recorder.refused(&refusal);
            answer
        });
        answer.map(|bytes| AnswerBody::new(Source::Own(Some(bytes)), recorder))
    }

    /// The checks, in the order of [`contract::checks::CHECKS`].
    fn check<'a>(&self, parts: &'a Parts, peer: IpAddr, arrival: Arrival, recorder: &mut Recorder) -> Checked<'a> {
        let inner = &*self.inner;
        let denied = |refusal: Refusal| Checked::Denied(refusal.into(), None);
        if matches!(parts.method, Method::TRACE | Method::CONNECT) {
            return denied(Refusal::MethodNotAllowed);
        }
        if !host::is_clear(parts) {
            return denied(Refusal::HostUnclear);
        }
        let path = parts.uri.path();
        if !path::is_unambiguous(path) {
            return denied(Refusal::AmbiguousPath);
        }
        let slug = path[1..].split('/').next().unwrap_or_default();
        let rest = match &path[1 + slug.len()..] {
            "" => "/",
            rest => rest,
        };
        let upstream =
            Some(slug).filter(|slug| !RESERVED.contains(slug)).and_then(|slug| inner.ports.upstreams.find(slug));
        let route = upstream.as_ref().and_then(|upstream| upstream.routes.find(&parts.method, rest));
        if let Some(upstream) = &upstream {
            recorder.addressed(upstream, route.map(|route| route.template));
        }
        if inner.keyring.is_in_url(path, parts.uri.query()) {
            return denied(Refusal::KeyInUrl);
        }
        if let Some(answer) = upstream.as_ref().and_then(|upstream| cors::preflight(parts, upstream, arrival.id)) {
            return Checked::Preflight(answer);
        }
        let verdict = inner.keyring.authenticate(&parts.headers);
        let address = ClientAddress::of(peer, &parts.headers, &inner.trusted_proxies);
        match &verdict {
            Verdict::Admitted { grant, .. } | Verdict::Refused { grant: Some(grant), .. } => {
                recorder.called_by(grant);
                if let Some(upstream) = &upstream {
                    recorder.comes_from(Peer::of(&upstream.privacy, address, &parts.headers));
                }
            }
            Verdict::Refused { hint, .. } => recorder.hinted(hint.clone()),
        }
        // The caller stands in the row of an unknown API too: a developer finds the typing error in the own log.
        let Some(upstream) = upstream.clone() else { return denied(Refusal::UnknownApi) };
        let (grant, secret) = match verdict {
            Verdict::Admitted { grant, secret } => (grant, secret),
            Verdict::Refused { refusal, .. } => return Checked::Denied(refusal.into(), Some(upstream)),
        };
        let asked = Asked {
            upstream: &upstream,
            route,
            address: Some(address),
            origin: parts.headers.get(http::header::ORIGIN),
            cost: None,
            at: arrival.at,
            now: arrival.ticks(),
        };
        match admit(&grant, &asked, &*inner.ports.subscriptions, &*inner.ports.sink) {
            Err(denied) => Checked::Denied(denied, Some(upstream)),
            Ok(ticket) => {
                recorder.charged(ticket.charge);
                let standing = ticket.standing;
                Checked::Admitted(Box::new(Admitted { upstream, grant, secret, path: rest, standing }))
            }
        }
    }

    async fn forward(
        &self,
        admitted: &Admitted<'_>,
        parts: &Parts,
        body: Incoming,
        arrival: Arrival,
        recorder: &mut Recorder,
    ) -> Result<Response<Incoming>, Failure> {
        let id = problem::request_id(arrival.id).unwrap_or(HeaderValue::from_static(""));
        let Admitted { upstream, grant, secret, path, .. } = admitted;
        let call = Call { upstream, parts, path, secret, caller: &grant.identity, id: &id };
        let place = match upgrade::asked(parts) {
            None => None,
            Some(_) => {
                Some(self.inner.tunnels.place(upstream.id).ok_or(Failure::Refused(Refusal::TooManyConnections))?)
            }
        };
        let mut answer = self.inner.forwarder.forward(&call, body, recorder).await?;
        let tunnel = answer.extensions_mut().get_mut::<Tunnel>();
        let is_upgrade = tunnel.is_some();
        if let Some(tunnel) = tunnel {
            tunnel.place = place;
        }
        let headers = answer.headers_mut();
        headers::towards_client(headers, &id);
        if is_upgrade {
            upgrade::say(headers);
        }
        standing::write(&admitted.standing, arrival.at, headers);
        if let Some(origin) = cors::allowed_origin(&parts.headers, &admitted.upstream) {
            cors::allow(origin, headers);
        }
        Ok(answer)
    }
}

fn is_health_check(request: &Request<Incoming>) -> bool {
    request.uri().path() == "/healthz" && matches!(*request.method(), Method::GET | Method::HEAD)
}

fn health() -> Response<AnswerBody> {
    let mut answer = Response::new(AnswerBody::nobodys(Some(Bytes::from_static(b"ok"))));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The body of an answer. The row is recorded when it ends, before its end is handed over, or when it is dropped.
pub(crate) struct AnswerBody {
    source: Source,
    /// Absent for answers that are nobody's request.
    recorder: Option<Recorder>,
}

enum Source {
    /// What the gateway says itself; gone once said.
    Own(Option<Bytes>),
    Upstream(Incoming),
}

impl AnswerBody {
    fn new(source: Source, recorder: Recorder) -> Self {
        let mut body = Self { source, recorder: Some(recorder) };
        body.finish_at_end();
        body
    }

    /// A body whose row, if there is one, is somebody else's.
    fn nobodys(bytes: Option<Bytes>) -> Self {
        Self { source: Source::Own(bytes), recorder: None }
    }

    fn finish_at_end(&mut self) {
        if self.is_end_stream() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.finish();
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = match &mut self.source {
            Source::Own(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Source::Upstream(body) => ready!(Pin::new(body).poll_frame(context)),
        };
        Poll::Ready(match frame {
            Some(Ok(mut frame)) => {
                if let (Some(data), Some(recorder)) = (frame.data_ref(), &mut self.recorder) {
                    recorder.sent(data.len());
                }
                if let Some(trailers) = frame.trailers_mut() {
                    headers::trailers_towards_client(trailers);
                }
                self.finish_at_end();
                Some(Ok(frame))
            }
            // The client sees the error as a broken connection: a cut answer must not look like a whole one.
            Some(Err(error)) => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.refused(&Refusal::UpstreamDown);
                }
                self.finish();
                Some(Err(error))
            }
            None => {
                self.finish();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(bytes) => bytes.is_none(),
            Source::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Source::Upstream(body) => body.size_hint(),
        }
    }
}
