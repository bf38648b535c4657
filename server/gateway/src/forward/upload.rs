//! The client's body on its way to the upstream: watched, bounded, opaque.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::places::Places;
use crate::headers::TrailerRule;

/// How far the request's body has come: tells a slow upstream from a client that stopped sending.
pub(super) struct Upload {
    pub(super) began: Instant,
    /// Microseconds from `began` to the last byte that moved.
    moved_us: AtomicU64,
    state: AtomicU8,
    /// Where a body goes that was dropped before anybody asked for its first byte, while there is another place to send it.
    unsent: Option<Mutex<Option<Incoming>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// Nobody waits, or the upstream does not take what there is.
    Open = 0,
    /// The upstream would take more.
    AwaitsClient = 1,
    Ended = 2,
    /// The client broke off.
    Broke = 3,
    /// The client sent more than the API takes.
    TooLarge = 4,
}

impl Upload {
    pub(super) fn begin(places: &Places) -> Self {
        Self {
            began: Instant::now(),
            moved_us: AtomicU64::new(0),
            state: AtomicU8::new(State::Open as u8),
            unsent: places.are_several().then(Mutex::default),
        }
    }

    /// The body, if nothing of it was sent and nobody has it.
    pub(super) fn take_unsent(&self) -> Option<Incoming> {
        self.unsent.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn last_moved(&self) -> Instant {
        self.began + Duration::from_micros(self.moved_us.load(Ordering::Relaxed))
    }

    pub(super) fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            0 => State::Open,
            1 => State::AwaitsClient,
            2 => State::Ended,
            3 => State::Broke,
            _ => State::TooLarge,
        }
    }

    fn moved(&self) {
        let moved = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.moved_us.store(moved, Ordering::Relaxed);
    }

    fn is(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }
}

/// A body on its way. Its trailers pass under the rules of headers: they must not carry what those may not.
pub(super) struct RequestBody {
    /// Gone when there is nothing to send, as when a request without a body is sent again.
    body: Option<Incoming>,
    /// So many bytes may still come.
    left: u64,
    trailers: Option<TrailerRule>,
    upload: Arc<Upload>,
    is_begun: bool,
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let (Some(unsent), false) = (&self.upload.unsent, self.is_begun) {
            *unsent.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
        }
    }
}

impl RequestBody {
    pub(super) fn new(body: Incoming, max: u64, trailers: Option<TrailerRule>, upload: Arc<Upload>) -> Self {
        Self { body: Some(body), left: max, trailers, upload, is_begun: false }
    }

    pub(super) fn empty(upload: Arc<Upload>) -> Self {
        Self { body: None, left: 0, trailers: None, upload, is_begun: true }
    }
}

/// Why a body could not be sent to its end.
#[derive(Debug)]
pub(super) enum Cut {
    Client(hyper::Error),
    TooLarge,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "the client broke off its request",
            Self::TooLarge => "the body is larger than the API takes",
        })
    }
}

impl std::error::Error for Cut {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(error) => Some(error),
            Self::TooLarge => None,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Self { body, left, trailers, upload, is_begun } = &mut *self;
        *is_begun = true;
        let Some(body) = body else { return Poll::Ready(None) };
        upload.is(State::AwaitsClient);
        let frame = ready!(Pin::new(body).poll_frame(context));
        upload.moved();
        let mut frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                upload.is(State::Broke);
                return Poll::Ready(Some(Err(Cut::Client(error))));
            }
            None => {
                upload.is(State::Ended);
                return Poll::Ready(None);
            }
        };
        if let Some(data) = frame.data_ref() {
            let Some(rest) = left.checked_sub(data.len() as u64) else {
                upload.is(State::TooLarge);
                return Poll::Ready(Some(Err(Cut::TooLarge)));
            };
            *left = rest;
            upload.is(State::Open);
            return Poll::Ready(Some(Ok(frame)));
        }
        upload.is(State::Ended);
        let passes = match (trailers, frame.trailers_mut()) {
            (Some(rule), Some(trailers)) => rule.leaves_some(trailers),
            _ => false,
        };
        Poll::Ready(passes.then_some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
