//! Moments in time.

use std::time::Duration;

use contract::Millis;
use leptos::prelude::*;

use super::format;

/// The browser's clock, for everything on the page that says how long ago something was. Absent on the server and at
/// hydration, so that both print the same.
#[derive(Clone, Copy, Debug)]
pub struct Clock(ReadSignal<Option<Millis>>);

/// How often "4 min ago" is brought up to date: often enough for seconds to be roughly right, seldom enough to be free.
const TICK: Duration = Duration::from_secs(5);

/// Starts the clock for everything below. Layouts do this.
pub fn provide_clock() {
    start(None);
}

/// Starts the clock at the server's time, which both sides know: the first view is relative already, and stays as it is.
pub fn provide_clock_at(now: Millis) {
    start(Some(now));
}

fn start(now: Option<Millis>) {
    if use_context::<Clock>().is_some() {
        return;
    }
    let (now, set_now) = signal(now);
    provide_context(Clock(now));
    Effect::new(move || {
        let tick = move || {
            let _ = set_now.try_set(Some(js_sys::Date::now() as Millis)); // the page may be gone by then
        };
        tick();
        if let Ok(handle) = set_interval_with_handle(tick, TICK) {
            on_cleanup(move || handle.clear());
        }
    });
}

/// A moment: absolute and in UTC from the server, then relative, with the full moment on hover.
#[component]
#[must_use]
pub fn Time(
    /// When.
    at: Millis,
    /// Stays absolute, to the millisecond: in logs.
    #[prop(optional)]
    precise: bool,
    /// Stays absolute, to the minute: until when something can be done.
    #[prop(optional)]
    absolute: bool,
) -> impl IntoView {
    let clock = use_context::<Clock>();
    let text = move || match clock.and_then(|clock| clock.0.get()) {
        Some(now) if !precise && !absolute => format::relative(at, now),
        _ if precise => format::clock(at),
        _ => format::date_and_time(at),
    };
    view! {
        <time datetime=format::rfc3339(at) title=format::precise(at) data-relative=(!precise && !absolute).then_some("")>
            {text}
        </time>
    }
    .into_any()
}
