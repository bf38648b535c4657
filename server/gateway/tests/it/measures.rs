//! What the gateway counts, and that no label names anybody.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::harness::*;

/// Remembers every metric and label that this whole test process ever used.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeSet<String>>>);

impl Seen {
    fn note(&self, key: &Key) {
        let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        self.0.lock().unwrap().insert(format!("{}{{{}}}", key.name(), labels.join(",")));
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.note(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key);
        Histogram::noop()
    }
}

fn seen() -> &'static Seen {
    static SEEN: OnceLock<Seen> = OnceLock::new();
    SEEN.get_or_init(|| {
        let seen = Seen::default();
        metrics::set_global_recorder(seen.clone()).ok().unwrap();
        seen
    })
}

#[tokio::test]
async fn requests_are_counted_by_class_and_code_and_by_nothing_that_names_anybody() {
    let seen = seen();
    let house = House::before_echo().await;
    house.get("/almanac", &[bearer(&active())]).await;
    house.get("/almanac", &[bearer(&unknown())]).await;
    house.close().await;
    let names = seen.0.lock().unwrap().clone();
    for wanted in [
        "countersign_gateway_requests_total{status_class=2xx,code=none}",
        "countersign_gateway_requests_total{status_class=4xx,code=unknown_key}",
        "countersign_gateway_duration_seconds{}",
        "countersign_gateway_in_flight{}",
    ] {
        assert!(names.contains(wanted), "{wanted} is missing in {names:?}");
    }
    for name in names {
        let labels = name.split_once('{').unwrap().1.trim_end_matches('}');
        for (label, value) in labels.split(',').filter_map(|label| label.split_once('=')) {
            let is_known = match label {
                "status_class" => ["1xx", "2xx", "3xx", "4xx", "5xx", "other"].contains(&value),
                "code" => value == "none" || contract::Refusal::by_code(value).is_some(),
                _ => false,
            };
            assert!(is_known, "{name}");
        }
    }
}
