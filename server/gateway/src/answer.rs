//! One request from its arrival to its answer: the published order of checks, and the body that ends the row.

use std::fmt;
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

use crate::authenticate::Verdict;
use crate::clock::Arrival;
use crate::forward::Failure;
use crate::ports::{Grant, Upstream};
use crate::record::Recorder;
use crate::{Gateway, RESERVED, headers, path, problem};

/// The client broke off: there is nobody to answer, so the connection ends.
#[derive(Debug)]
pub(crate) struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client broke off its request")
    }
}

impl std::error::Error for Gone {}

/// A request that may be forwarded.
struct Admitted<'a> {
    upstream: Arc<Upstream>,
    grant: Arc<Grant>,
    secret: &'a str,
    /// The path behind the slug; begins with `/`.
    path: &'a str,
}

impl Gateway {
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Gone> {
        if is_health_check(&request) {
            return Ok(health());
        }
        let arrival = Arrival::now();
        let inner = &*self.inner;
        let mut recorder = Recorder::begin(arrival, request.method(), inner.sink.clone(), inner.open_rows.token());
        let (parts, body) = request.into_parts();
        let refusal = match self.admit(&parts, &mut recorder) {
            Err(refusal) => refusal,
            Ok(admitted) => match self.forward(&admitted, &parts, body, arrival, &mut recorder).await {
                Ok(answer) => {
                    recorder.answers(answer.status());
                    return Ok(answer.map(|body| AnswerBody::new(Source::Upstream(body), recorder)));
                }
                Err(Failure::Gone) => return Err(Gone),
                Err(Failure::Refused(refusal)) => refusal,
            },
        };
        let answer = problem::problem(&refusal, &inner.portal_url, arrival.id);
        recorder.answers(answer.status());
        recorder.refused(&refusal);
        // The length stays in the headers (RFC 9110 §9.3.2).
        let bodiless = parts.method == Method::HEAD;
        Ok(answer.map(|bytes| AnswerBody::new(Source::Own((!bodiless).then_some(bytes)), recorder)))
    }

    /// The checks, in the order that the crate's documentation publishes.
    fn admit<'a>(&self, parts: &'a Parts, recorder: &mut Recorder) -> Result<Admitted<'a>, Refusal> {
        let inner = &*self.inner;
        if matches!(parts.method, Method::TRACE | Method::CONNECT) {
            return Err(Refusal::MethodNotAllowed);
        }
        let path = parts.uri.path();
        if !path::is_unambiguous(path) {
            return Err(Refusal::AmbiguousPath);
        }
        let slug = path[1..].split('/').next().unwrap_or_default();
        let rest = match &path[1 + slug.len()..] {
            "" => "/",
            rest => rest,
        };
        let upstream = Some(slug).filter(|slug| !RESERVED.contains(slug)).and_then(|slug| inner.upstreams.find(slug));
        if let Some(upstream) = &upstream {
            recorder.addressed(upstream, upstream.routes.find(&parts.method, rest));
        }
        if inner.keyring.is_in_url(path, parts.uri.query()) {
            return Err(Refusal::KeyInUrl);
        }
        let verdict = inner.keyring.authenticate(&parts.headers);
        match &verdict {
            Verdict::Admitted { grant, .. } | Verdict::Refused { grant: Some(grant), .. } => recorder.called_by(grant),
            Verdict::Refused { hint, .. } => recorder.hinted(hint.clone()),
        }
        // The caller stands in the row of an unknown API too: a developer finds the typing error in the own log.
        let upstream = upstream.ok_or(Refusal::UnknownApi)?;
        match verdict {
            Verdict::Admitted { grant, secret } => Ok(Admitted { upstream, grant, secret, path: rest }),
            Verdict::Refused { refusal, .. } => Err(refusal),
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
        let length = body.size_hint().exact();
        let headers = headers::towards_upstream(&parts.headers, admitted.secret, &admitted.grant.caller, &id, length);
        let target = (admitted.path, parts.uri.query());
        let forwarder = &self.inner.forwarder;
        let mut answer = forwarder.forward(&admitted.upstream, &parts.method, target, headers, body, recorder).await?;
        headers::towards_client(answer.headers_mut(), &id);
        Ok(answer)
    }
}

fn is_health_check(request: &Request<Incoming>) -> bool {
    request.uri().path() == "/healthz" && matches!(*request.method(), Method::GET | Method::HEAD)
}

fn health() -> Response<AnswerBody> {
    let mut answer = Response::new(AnswerBody { source: Source::Own(Some(Bytes::from_static(b"ok"))), recorder: None });
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
