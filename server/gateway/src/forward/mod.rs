//! To the upstream and back. Bodies are opaque and stream; connections are pooled per upstream.
//!
//! - A body larger than the API takes is refused before anything is sent, if its length was said, and broken off where
//!   it passes the bound otherwise.
//! - A request is sent a second time only if it is a GET, HEAD or OPTIONS without a body (RFC 9110 §9.2.2) and its
//!   connection ended before the answer's head was there, as an idle connection does when the upstream closes it at that
//!   moment; over a connection of its own, and once.
//! - An upstream can be at several places, which take turns (`places`).
//! - An upstream that keeps failing is left alone for a moment (`breaker`).
//! - A connection is made to addresses that may be reached, and to no other (`reach`). Redirects are answers like others.

mod breaker;
mod clients;
mod places;
mod reach;
mod upload;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::Refusal;
use http::header::{HOST, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;

use self::breaker::{Breakers, Change};
use self::clients::{Client, Clients};
pub use self::places::Places;
use self::places::{Place, Tried};
use self::reach::is_forbidden;
pub use self::reach::{NameDirectory, Reachable, SystemNames};
use self::upload::{RequestBody, State, Upload};
use crate::headers::{self, TrailerRule};
use crate::ports::{Identity, Upstream};
use crate::record::Recorder;
use crate::upgrade::{self, Tunnel};

/// Why there is no answer to pass on.
pub(crate) enum Failure {
    /// There is a reason that the client can be told. It cost the client nothing.
    Refused(Refusal),
    /// The client broke off its request, or stopped sending it.
    Gone,
}

/// A request that was let in.
pub(crate) struct Call<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) parts: &'a Parts,
    /// What was matched, from the slash after the slug.
    pub(crate) path: &'a str,
    /// The key that opened the gateway.
    pub(crate) secret: &'a str,
    pub(crate) caller: &'a Identity,
    /// The request's id.
    pub(crate) id: &'a HeaderValue,
}

/// Sends requests to upstreams.
pub(crate) struct Forwarder {
    clients: Clients,
    breakers: Breakers,
}

impl Forwarder {
    pub(crate) fn new(roots: &[Vec<u8>], reachable: Reachable, names: &Arc<dyn NameDirectory>) -> anyhow::Result<Self> {
        Ok(Self { clients: Clients::new(roots, reachable, names)?, breakers: Breakers::default() })
    }

    /// Sends a request and waits until its answer begins. An answer that granted an upgrade carries its [`Tunnel`].
    pub(crate) async fn forward(
        &self,
        call: &Call<'_>,
        body: Incoming,
        recorder: &mut Recorder,
    ) -> Result<Response<Incoming>, Failure> {
        let upstream = call.upstream;
        if body.size_hint().lower() > upstream.body_max {
            return Err(Failure::Refused(Refusal::TooLarge));
        }
        let pass = match self.breakers.ask(upstream.id, Instant::now()) {
            Ok(pass) => pass,
            Err(retry_after_s) => return Err(Failure::Refused(Refusal::UpstreamPaused { retry_after_s })),
        };
        let upload = Arc::new(Upload::begin(&upstream.places));
        let answered = self.exchange(call, body, &upload).await;
        recorder.waited(upload.began.elapsed());
        let silence = match answered {
            Ok(answer) => {
                pass.reached();
                return Ok(answer);
            }
            Err(silence) => silence,
        };
        let change = match &silence {
            Silence::Unreachable(_) | Silence::Upstream => pass.failed(Instant::now()),
            Silence::Broken(_) | Silence::Unasked => {
                pass.reached();
                Change::None
            }
            // Nothing was asked of the upstream.
            Silence::Forbidden | Silence::Client | Silence::TooLarge | Silence::Ambiguous => Change::None,
        };
        let slug = upstream.slug.as_str();
        if change == Change::Opened {
            tracing::warn!(api = slug, "Upstream `{slug}` keeps failing and is left alone for a moment");
        }
        Err(match silence {
            Silence::Client => Failure::Gone,
            Silence::TooLarge => Failure::Refused(Refusal::TooLarge),
            Silence::Ambiguous => Failure::Refused(Refusal::AmbiguousPath),
            Silence::Forbidden => {
                tracing::warn!(
                    api = slug,
                    "Upstream `{slug}` is inside a private network, which the settings do not allow"
                );
                Failure::Refused(Refusal::UpstreamForbidden)
            }
            Silence::Unreachable(error) | Silence::Broken(error) => {
                tracing::warn!(api = slug, "Upstream `{slug}` did not answer: {error:#}");
                Failure::Refused(Refusal::UpstreamDown)
            }
            Silence::Unasked => {
                tracing::warn!(api = slug, "Upstream `{slug}` switched protocols unasked");
                Failure::Refused(Refusal::UpstreamDown)
            }
            Silence::Upstream => {
                let waited_s = u32::try_from(upstream.timeout.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
                Failure::Refused(Refusal::UpstreamTimeout { waited_s })
            }
        })
    }

    /// At one place after another, as long as none takes a connection.
    async fn exchange(
        &self,
        call: &Call<'_>,
        mut body: Incoming,
        upload: &Arc<Upload>,
    ) -> Result<Response<Incoming>, Silence> {
        let places = &call.upstream.places;
        let mut tried = Tried::default();
        let mut last = Silence::Ambiguous;
        while let Some(place) = places.next(&mut tried, Instant::now()) {
            last = match self.exchange_at(place, call, body, upload).await {
                Err(silence @ (Silence::Unreachable(_) | Silence::Forbidden)) => silence,
                answered => {
                    places.reached(place);
                    return answered;
                }
            };
            places.failed(place, Instant::now());
            match upload.take_unsent() {
                Some(unsent) => body = unsent,
                None => break,
            }
        }
        Err(last)
    }

    async fn exchange_at(
        &self,
        place: &Place,
        call: &Call<'_>,
        body: Incoming,
        upload: &Arc<Upload>,
    ) -> Result<Response<Incoming>, Silence> {
        let limit = call.upstream.timeout;
        let is_repeatable =
            matches!(call.parts.method, Method::GET | Method::HEAD | Method::OPTIONS) && body.is_end_stream();
        let asked = upgrade::asked(call.parts);
        let length = body.size_hint().exact();
        // Trailers come after chunks, or in HTTP/2.
        let trailers = (length.is_none() || (call.parts.version == Version::HTTP_2 && !body.is_end_stream()))
            .then(|| TrailerRule::new(&call.parts.headers, call.secret));
        let body = RequestBody::new(body, call.upstream.body_max, trailers, upload.clone());
        let mut request = call.request(&place.base, body, length).ok_or(Silence::Ambiguous)?;
        if let Some(client) = asked {
            upgrade::say(request.headers_mut());
            return switched(send(&self.clients.upgrading, request, upload, limit).await?, client);
        }
        let mut answered = send(&self.clients.pooled, request, upload, limit).await;
        if is_repeatable && matches!(&answered, Err(Silence::Broken(error)) if is_hang_up(error)) {
            let again =
                call.request(&place.base, RequestBody::empty(upload.clone()), length).ok_or(Silence::Ambiguous)?;
            answered = send(&self.clients.fresh, again, upload, limit).await;
        }
        let mut answer = answered?;
        // A connection that switched unasked is of no use to the client.
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Silence::Unasked);
        }
        *answer.version_mut() = Version::HTTP_11;
        answer.extensions_mut().clear();
        Ok(answer)
    }
}

impl Call<'_> {
    fn request(&self, base: &Uri, body: RequestBody, length: Option<u64>) -> Option<Request<RequestBody>> {
        let Parts { method, uri, headers, .. } = self.parts;
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = target(base, self.path, uri.query())?;
        *request.headers_mut() = headers::towards_upstream(headers, self.secret, self.caller, self.id, length);
        headers::welcome_trailers(headers, request.headers_mut(), base.scheme());
        // The client would write it each time, slowly. Over TLS the upstream may speak HTTP/2, which has another field.
        if base.scheme() == Some(&http::uri::Scheme::HTTP)
            && let Some(host) = host(base)
        {
            request.headers_mut().insert(HOST, host);
        }
        Some(request)
    }
}

/// Ties the two sides of an upgrade together, if it was granted. Any other answer is an answer.
fn switched(mut answer: Response<Incoming>, client: hyper::upgrade::OnUpgrade) -> Result<Response<Incoming>, Silence> {
    let is_switched = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    if is_switched && !upgrade::is_granted(&answer) {
        return Err(Silence::Unasked);
    }
    let upstream = hyper::upgrade::on(&mut answer);
    answer.extensions_mut().clear();
    if is_switched {
        answer.extensions_mut().insert(Tunnel { client, upstream, place: None });
    }
    Ok(answer)
}

async fn send(
    client: &Client,
    request: Request<RequestBody>,
    upload: &Upload,
    limit: Duration,
) -> Result<Response<Incoming>, Silence> {
    let mut answer = client.request(request);
    loop {
        let deadline = upload.last_moved() + limit;
        tokio::select! {
            biased;
            answered = &mut answer => {
                return answered.map_err(|error| match upload.state() {
                    State::Broke => Silence::Client,
                    State::TooLarge => Silence::TooLarge,
                    _ if error.is_connect() => Silence::unconnected(error.into()),
                    _ => Silence::Broken(error.into()),
                });
            }
            () = tokio::time::sleep_until(deadline.into()) => {}
        }
        if upload.last_moved() + limit <= deadline {
            return Err(if upload.state() == State::AwaitsClient { Silence::Client } else { Silence::Upstream });
        }
    }
}

/// Why no answer began.
enum Silence {
    Client,
    TooLarge,
    Ambiguous,
    /// The upstream took the request and did not answer in time.
    Upstream,
    /// There was no connection.
    Unreachable(anyhow::Error),
    /// There must be none.
    Forbidden,
    /// There was one, and it broke.
    Broken(anyhow::Error),
    /// The upstream switched to a protocol that nobody asked for.
    Unasked,
}

impl Silence {
    fn unconnected(error: anyhow::Error) -> Self {
        if is_forbidden(&error) { Self::Forbidden } else { Self::Unreachable(error) }
    }
}

/// Whether the other side hung up, rather than said something that is not HTTP.
fn is_hang_up(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        is_cut_short(cause)
            || cause.downcast_ref::<io::Error>().is_some_and(|error| {
                [io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionAborted, io::ErrorKind::BrokenPipe]
                    .contains(&error.kind())
            })
    })
}

fn is_cut_short(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_incomplete_message() || error.is_closed())
}

/// What `Host` says to the upstream (RFC 9110 §7.2): its authority, without a port that goes without saying.
fn host(base: &Uri) -> Option<HeaderValue> {
    let authority = base.authority()?;
    let text = authority.as_str();
    // Userinfo is for nobody else's eyes.
    let is_plain = !text.contains('@');
    let text = if base.port_u16() == Some(80) { authority.host() } else { text };
    HeaderValue::from_str(text).ok().filter(|_| is_plain)
}

/// Where a request goes: the upstream's base with its path before ours.
fn target(base: &Uri, path: &str, query: Option<&str>) -> Option<Uri> {
    let mut text = String::with_capacity(base.path().len() + path.len() + query.map_or(0, |query| query.len() + 1));
    text.push_str(base.path().trim_end_matches('/'));
    text.push_str(path);
    if let Some(query) = query {
        text.push('?');
        text.push_str(query);
    }
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_goes_before_what_was_matched() {
        for (base, path, query, wanted) in [
            ("http://up.test", "/", None, "http://up.test/"),
            ("http://up.test:81/", "/v1/x", Some("a=%20b&c"), "http://up.test:81/v1/x?a=%20b&c"),
            ("https://up.test/api/", "/v1/%7e", Some(""), "https://up.test/api/v1/%7e?"),
            ("https://up.test/api", "/", None, "https://up.test/api/"),
        ] {
            let target = target(&Uri::from_static(base), path, query).map(|uri| uri.to_string());
            assert_eq!(target.as_deref(), Some(wanted));
        }
    }
}
