//! What the gateway counts. Handles are made once: looking one up by its name and labels costs more than counting.

use metrics::{Counter, Gauge, Histogram};

/// The handles of one gateway.
pub(crate) struct Measures {
    pub(crate) in_flight: Gauge,
    duration: Histogram,
    /// Of answers that came from the upstream, by the first digit of their status.
    answered: [Counter; CLASSES.len()],
}

/// The label of a status by its first digit; `other` stands first.
const CLASSES: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The label where the upstream answered.
const NO_CODE: &str = "none";

impl Measures {
    /// To be called after the program has installed its recorder: handles that were made before count nothing.
    pub(crate) fn new() -> Self {
        Self {
            in_flight: metrics::gauge!("countersign_gateway_in_flight"),
            duration: metrics::histogram!("countersign_gateway_duration_seconds"),
            answered: CLASSES.map(|class| counter(class, NO_CODE)),
        }
    }

    /// A request ended.
    pub(crate) fn ended(&self, status: u16, code: Option<&'static str>, latency_us: i64) {
        self.in_flight.decrement(1.0);
        self.duration.record(latency_us as f64 / 1e6);
        let class = usize::from(status / 100);
        let class = if class < CLASSES.len() { class } else { 0 };
        match code {
            None => self.answered[class].increment(1),
            Some(code) => counter(CLASSES[class], code).increment(1),
        }
    }
}

fn counter(class: &'static str, code: &'static str) -> Counter {
    metrics::counter!("countersign_gateway_requests_total", "status_class" => class, "code" => code)
}
