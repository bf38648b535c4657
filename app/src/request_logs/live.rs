//! Live rows: an event stream of the server, followed while the page is open.

use contract::RequestId;
use contract::request_logs::{LiveEvent, RequestRow};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

/// Most rows a page holds: older ones are in the list of the next page.
const ROWS_MAX: usize = 300;

/// What a live page knows.
#[derive(Clone, Copy)]
pub struct Live {
    /// Rows, the newest first.
    pub rows: RwSignal<Vec<RequestRow>>,
    /// Where the connection stands.
    pub connection: RwSignal<Connection>,
    /// Rows that matched since the page was opened.
    pub matched: RwSignal<u64>,
    /// Rows that were not looked at because the page was too slow.
    pub skipped: RwSignal<u64>,
    /// Whether new rows wait while somebody reads.
    pub paused: RwSignal<bool>,
    waiting: RwSignal<Vec<RequestRow>>,
    /// The newest row when the page was opened: what is newer came since.
    newest: Option<RequestId>,
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// No script, or not yet.
    Off,
    /// Rows come as they are stored.
    On,
    /// It broke; the browser tries again by itself.
    Lost,
}

impl Live {
    /// Starts with the rows that the server sent with the page.
    #[must_use]
    pub fn new(rows: Vec<RequestRow>) -> Self {
        Self {
            newest: rows.first().map(|row| row.id),
            rows: RwSignal::new(rows),
            connection: RwSignal::new(Connection::Off),
            matched: RwSignal::new(0),
            skipped: RwSignal::new(0),
            paused: RwSignal::new(false),
            waiting: RwSignal::new(Vec::new()),
        }
    }

    /// Takes what the stream says.
    pub fn take(self, event: LiveEvent) {
        match event {
            LiveEvent::Connected => self.connection.set(Connection::On),
            LiveEvent::Skipped { rows } => self.skipped.update(|skipped| *skipped += rows),
            LiveEvent::Rows { rows } => {
                // After a reconnect the server repeats what may have been missed.
                let known = |row: &RequestRow| {
                    self.rows.with_untracked(|rows| rows.iter().any(|one| one.id == row.id))
                        || self.waiting.with_untracked(|rows| rows.iter().any(|one| one.id == row.id))
                };
                let new: Vec<RequestRow> = rows.into_iter().filter(|row| !known(row)).collect();
                let since = new.iter().filter(|row| Some(row.id) > self.newest).count();
                self.matched.update(|matched| *matched += since as u64);
                let target = if self.paused.get_untracked() { self.waiting } else { self.rows };
                target.update(|rows| add(rows, new));
            }
        }
    }

    /// How many rows wait.
    #[must_use]
    pub fn waiting(self) -> usize {
        self.waiting.with(Vec::len)
    }

    /// Holds new rows back, or shows those that waited.
    pub fn toggle(self) {
        self.paused.update(|paused| *paused = !*paused);
        if !self.paused.get_untracked() {
            let waiting = std::mem::take(&mut *self.waiting.write());
            self.rows.update(|rows| add(rows, waiting));
        }
    }
}

/// Keeps the newest first: what is repeated after a lost connection, and slow requests, arrive late.
fn add(rows: &mut Vec<RequestRow>, new: Vec<RequestRow>) {
    rows.extend(new);
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows.truncate(ROWS_MAX);
}

/// Follows an event stream until the component is gone. Runs in the browser only.
pub fn listen(url: &str, on_event: impl Fn(LiveEvent) + 'static, on_lost: impl Fn() + 'static) {
    let Ok(source) = EventSource::new(url) else { return };
    let message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        if let Some(event) = message.data().as_string().and_then(|text| serde_json::from_str(&text).ok()) {
            on_event(event);
        }
    });
    let lost = Closure::<dyn Fn()>::new(on_lost);
    source.set_onmessage(Some(message.as_ref().unchecked_ref()));
    source.set_onerror(Some(lost.as_ref().unchecked_ref()));
    // The closures must live as long as the stream, and go with the component.
    let held = StoredValue::new_local(Some((source, message, lost)));
    on_cleanup(move || {
        held.update_value(|held| {
            if let Some((source, ..)) = held.take() {
                source.close();
            }
        });
    });
}
