//! The places of one upstream: requests go to them in turn, and to the next one when the one whose turn it is takes no
//! connection. Nothing was sent then, so that is safe for every request.
//!
//! - A place that took no connection is left out for five seconds, unless none is left.
//! - Whether any of them can be reached is the breaker's business, which counts for the API.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Uri;

/// As long as the breaker pauses.
const LEFT_OUT: Duration = Duration::from_secs(5);

/// Most places of one upstream: a number each in the mask of those that were tried.
const PLACES_MAX: usize = u32::BITS as usize;

/// Where an upstream is; one place at least.
#[derive(Debug)]
pub struct Places {
    first: Place,
    others: Vec<Place>,
    turn: AtomicUsize,
    began: Instant,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) base: Uri,
    /// Milliseconds since the places began; it is left out until then. 0 for one that was reached, or never tried.
    left_out_until: AtomicU64,
}

/// Those that one request tried already.
#[derive(Default)]
pub(crate) struct Tried(u32);

impl Places {
    /// One place, or several. More than 32 are not looked at.
    #[must_use]
    pub fn new(first: Uri, others: Vec<Uri>) -> Self {
        let place = |base| Place { base, left_out_until: AtomicU64::new(0) };
        let others = others.into_iter().take(PLACES_MAX - 1).map(place).collect();
        Self { first: place(first), others, turn: AtomicUsize::new(0), began: Instant::now() }
    }

    /// Their addresses, in the order in which they were given.
    pub fn addresses(&self) -> impl Iterator<Item = &Uri> {
        std::iter::once(&self.first).chain(&self.others).map(|place| &place.base)
    }

    pub(crate) const fn are_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// Whose turn it is of those that this request did not try, first of those that were not left out.
    pub(crate) fn next(&self, tried: &mut Tried, now: Instant) -> Option<&Place> {
        if !self.are_several() {
            return (std::mem::replace(&mut tried.0, 1) == 0).then_some(&self.first);
        }
        let count = 1 + self.others.len();
        let start = self.turn.fetch_add(1, Ordering::Relaxed);
        let now = self.ms(now);
        let in_turn = || (0..count).map(|step| (start + step) % count).filter(|number| tried.0 & (1 << number) == 0);
        let up = |number: &usize| self.at(*number).left_out_until.load(Ordering::Relaxed) <= now;
        let number = in_turn().find(up).or_else(|| in_turn().next())?;
        tried.0 |= 1 << number;
        Some(self.at(number))
    }

    /// It took no connection.
    pub(crate) fn failed(&self, place: &Place, now: Instant) {
        place.left_out_until.store(self.ms(now + LEFT_OUT), Ordering::Relaxed);
    }

    /// It is there.
    pub(crate) fn reached(&self, place: &Place) {
        if place.left_out_until.load(Ordering::Relaxed) != 0 {
            place.left_out_until.store(0, Ordering::Relaxed);
        }
    }

    fn at(&self, number: usize) -> &Place {
        number.checked_sub(1).and_then(|number| self.others.get(number)).unwrap_or(&self.first)
    }

    fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn three() -> Places {
        let uri = |name| Uri::from_static(name);
        Places::new(uri("http://a.test"), vec![uri("http://b.test"), uri("http://c.test")])
    }

    fn turn(places: &Places, tried: &mut Tried, now: Instant) -> Option<String> {
        places.next(tried, now).map(|place| place.base.host().unwrap().replace(".test", ""))
    }

    #[test]
    fn requests_go_to_all_places_in_turn() {
        let (places, now) = (three(), Instant::now());
        let turns: Vec<_> = (0..6).filter_map(|_| turn(&places, &mut Tried::default(), now)).collect();
        assert_eq!(turns, ["a", "b", "c", "a", "b", "c"]);
    }

    #[test]
    fn a_request_tries_each_place_once() {
        let (places, now) = (three(), Instant::now());
        let mut tried = Tried::default();
        let mut turns: Vec<_> = std::iter::from_fn(|| turn(&places, &mut tried, now)).collect();
        turns.sort();
        assert_eq!(turns, ["a", "b", "c"]);
        let (one, mut tried) = (Places::new(Uri::from_static("http://a.test"), Vec::new()), Tried::default());
        assert_eq!((turn(&one, &mut tried, now).as_deref(), turn(&one, &mut tried, now)), (Some("a"), None));
    }

    #[test]
    fn a_place_that_failed_is_left_out_for_five_seconds_unless_none_is_left() {
        let (places, now) = (three(), Instant::now());
        places.failed(&places.others[0], now);
        let turns = |at| (0..6).filter_map(|_| turn(&places, &mut Tried::default(), at)).collect::<String>();
        assert!(!turns(now + Duration::from_millis(4_999)).contains('b'));
        assert!(turns(now + LEFT_OUT).contains('b'));
        for place in [&places.first, &places.others[0], &places.others[1]] {
            places.failed(place, now);
        }
        assert_eq!(turns(now).len(), 6);
        places.reached(&places.others[0]);
        assert_eq!(turns(now), "bbbbbb");
    }
}
