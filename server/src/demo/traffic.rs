//! The traffic of the demo: programs that call the Almanac through the gateway.
//!
//! - Every call is a real request over HTTP. No row and no number comes from anywhere else.
//! - Most calls are right; some are wrong in the ways in which people get them wrong.
//! - The gateway may be gone, slow or refuse everything: the client keeps calling until it is told to stop, and every
//!   call ends in time.

use std::f64::consts::TAU;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use contract::Environment;
use contract::keys::Secret;
use contract::keys::format::{self, ALPHABET, RANDOM_LENGTH};
use http::{HeaderValue, Method, Request, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Where the traffic goes, and who it comes from.
#[derive(Clone, Debug)]
pub struct TrafficTarget {
    /// The Almanac at the gateway, such as `http://localhost:8080/almanac`, without a slash at its end.
    pub gateway_url: String,
    /// Keys that the gateway knows. The first ones call most.
    pub keys: Vec<Secret>,
}

/// Requests a second: enough that the live log moves, slow enough to read it.
const RATE_MEAN: f64 = 5.5;

/// By how much the rate rises and falls around its mean.
const RATE_SWING: f64 = 2.5;

/// Calls from one rise to the next: some four minutes, so that the chart of an hour has hills.
const SWING_CALLS: f64 = 1_300.0;

/// The Almanac answers in milliseconds; whoever needs longer will not answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A gateway that hangs costs at most so many open calls.
const OPEN_CALLS_MAX: usize = 32;

/// The largest answer of the Almanac is its own description, some 20 kB.
const ANSWER_MAX: usize = 1024 * 1024;

type HttpClient = Client<HttpConnector, Body>;

/// Calls until `shutdown`, then lets the open calls end.
pub async fn run(target: TrafficTarget, shutdown: CancellationToken) {
    if target.keys.is_empty() {
        warn!("The demo traffic has no key to call with, so it does not start");
        return;
    }
    let client: HttpClient = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let mut dice = Dice::new(getrandom::u64().unwrap_or_default());
    let mut beat = interval(Duration::from_secs(1));
    let mut open = JoinSet::new();
    let mut reachable = true;
    for calls in 0.. {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = beat.tick() => beat.reset_after(pause(&mut dice, calls)),
        }
        while let Some(ended) = open.try_join_next() {
            let answered = ended.unwrap_or(false);
            if answered != reachable {
                reachable = answered;
                say(reachable, &target.gateway_url);
            }
        }
        if open.len() < OPEN_CALLS_MAX {
            open.spawn(send(client.clone(), Call::next(&mut dice, &target)));
        }
    }
    while open.join_next().await.is_some() {}
}

fn say(reachable: bool, gateway_url: &str) {
    if reachable {
        info!("The demo traffic reaches the gateway at {gateway_url} again");
    } else {
        warn!("The demo traffic does not reach the gateway at {gateway_url}; it keeps trying");
    }
}

/// How long to wait for the next call.
fn pause(dice: &mut Dice, calls: u32) -> Duration {
    let rate = RATE_MEAN + RATE_SWING * (f64::from(calls) / SWING_CALLS * TAU).sin();
    Duration::from_secs_f64((0.5 + dice.share()) / rate)
}

/// Sends a call and reads its answer to the end. True when there was one.
async fn send(client: HttpClient, call: Call) -> bool {
    let expected = call.expected;
    let Some(request) = call.into_request() else { return false };
    let answer = async {
        let response = client.request(request).await.ok()?;
        let status = response.status().as_u16();
        to_bytes(Body::new(response.into_body()), ANSWER_MAX).await.ok()?;
        Some(status)
    };
    let status = timeout(CALL_TIMEOUT, answer).await.ok().flatten();
    if let Some(status) = status
        && status != expected
    {
        debug!(status, expected, "A call of the demo traffic was answered {status} instead of {expected}");
    }
    status.is_some()
}

/// A call to make.
#[derive(Debug)]
struct Call {
    method: Method,
    url: String,
    key: Option<Secret>,
    body: Option<String>,
    /// The status that a healthy gateway answers.
    expected: u16,
}

impl Call {
    /// Chooses one: of a hundred, some 88 are right.
    fn next(dice: &mut Dice, target: &TrafficTarget) -> Self {
        let gateway = &target.gateway_url;
        let right = || Self { method: Method::GET, url: String::new(), key: None, body: None, expected: 200 };
        let key = Some(dice.key(&target.keys));
        let get = |path: String| Self { url: format!("{gateway}{path}"), key: key.clone(), ..right() };
        let post = |body: String| Self { method: Method::POST, body: Some(body), ..get("/v1/plans".to_owned()) };
        match dice.below(100) {
            0..18 => get(format!("/v1/sun/{}", dice.one_of(&PLACES))),
            18..34 => get(format!("/v1/sun/{}?date={}", dice.one_of(&PLACES), dice.date())),
            34..48 => get(format!("/v1/moon/{}", dice.date())),
            48..58 => get(format!("/v1/zones/{}", dice.one_of(&ZONES))),
            58..62 => get(format!("/v1/zones/{}?date={}", dice.one_of(&ZONES), dice.date())),
            62..70 => get(format!("/v1/places/{}", dice.one_of(&PLACES))),
            70..74 => get(format!("/v1/places?limit={}", 5 * (1 + dice.below(4)))),
            74..77 => get(format!("/v1/places?country={}", dice.one_of(&COUNTRIES))),
            77..80 => {
                get(format!("/v1/zones?area={}", dice.one_of(&["Africa", "America", "Asia", "Europe", "Pacific"])))
            }
            80..88 => post(plan(dice)),
            88..90 => Self { expected: 404, ..get(format!("/v1/sun/{}", dice.one_of(&MISSPELT))) },
            90 => Self { expected: 400, ..get(format!("/v1/moon/{}-02-30", dice.year())) },
            91 => Self { expected: 400, ..post("{\"place\": \"lisbon\", \"from\":".to_owned()) },
            92..94 => Self { expected: 422, ..post(plan(dice).replace("sunrise", "tides")) },
            94 => Self { method: Method::DELETE, expected: 405, ..get("/v1/places/lisbon".to_owned()) },
            95 => Self { key: None, expected: 401, ..get("/v1/places".to_owned()) },
            96 => Self { key: Some(dice.malformed_key(target)), expected: 401, ..get("/v1/places".to_owned()) },
            97..99 => Self { key: Some(dice.unknown_key(target)), expected: 401, ..get("/v1/zones".to_owned()) },
            _ => Self { url: format!("{gateway}k/v1/places"), key: key.clone(), expected: 404, ..right() },
        }
    }

    fn into_request(self) -> Option<Request<Body>> {
        let mut request =
            Request::builder().method(self.method).uri(self.url).header(header::USER_AGENT, "countersign-demo");
        if let Some(key) = self.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal())).ok()?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        match self.body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).ok(),
            None => request.body(Body::empty()).ok(),
        }
    }
}

/// The body of a plan for one to four weeks of a month.
fn plan(dice: &mut Dice) -> String {
    let (place, year, month, day) = (dice.one_of(&PLACES), dice.year(), 1 + dice.below(12), 7 * (1 + dice.below(4)));
    let more = dice.one_of(&["sunset", "golden_hour", "moon_phase"]);
    format!(
        r#"{{"place": "{place}", "from": "{year}-{month:02}-01", "to": "{year}-{month:02}-{day:02}", "want": ["sunrise", "{more}"]}}"#
    )
}

const PLACES: [&str; 20] = [
    "auckland",
    "berlin",
    "bogota",
    "cairo",
    "cape-town",
    "honolulu",
    "kathmandu",
    "lagos",
    "lima",
    "lisbon",
    "london",
    "longyearbyen",
    "nairobi",
    "new-york",
    "quito",
    "reykjavik",
    "sydney",
    "tokyo",
    "tromso",
    "ushuaia",
];

const MISSPELT: [&str; 6] = ["lisboa", "new-yorck", "londn", "atlantis", "rekjavik", "sidney"];

const COUNTRIES: [&str; 5] = ["AU", "CA", "PT", "US", "NO"];

const ZONES: [&str; 10] = [
    "Africa~Cairo",
    "America~Argentina~Ushuaia",
    "America~New_York",
    "America~St_Johns",
    "Asia~Kathmandu",
    "Asia~Tokyo",
    "Australia~Adelaide",
    "Europe~Lisbon",
    "Pacific~Chatham",
    "UTC",
];

/// Numbers that look random (`SplitMix64`): the same seed makes the same traffic.
#[derive(Debug)]
struct Dice {
    state: u64,
}

impl Dice {
    const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    const fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 up to the limit, without it.
    const fn below(&mut self, limit: usize) -> usize {
        // The remainder prefers small numbers, by one part in 10¹⁷.
        (self.roll() % limit as u64) as usize
    }

    /// 0 up to 1.
    fn share(&mut self) -> f64 {
        self.below(1_000) as f64 / 1_000.0
    }

    const fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len())]
    }

    const fn year(&mut self) -> usize {
        2026 + self.below(2)
    }

    /// A day that every month has.
    fn date(&mut self) -> String {
        format!("{}-{:02}-{:02}", self.year(), 1 + self.below(12), 1 + self.below(28))
    }

    /// A key that works; the first ones more often than the last.
    fn key(&mut self, keys: &[Secret]) -> Secret {
        let place = self.below(keys.len()).min(self.below(keys.len()));
        keys[place].clone()
    }

    /// A key in the right form that nobody was ever given: it would take 62²⁷ tries to hit one.
    fn unknown_key(&mut self, target: &TrafficTarget) -> Secret {
        let mut random = [0; RANDOM_LENGTH];
        random.fill_with(|| ALPHABET[self.below(ALPHABET.len())]);
        let prefix = target.keys[0].reveal().split('_').next().unwrap_or_default();
        Secret::new(format::assemble(prefix, Environment::Live, &random))
    }

    /// The same, with its last character lost while copying.
    fn malformed_key(&mut self, target: &TrafficTarget) -> Secret {
        let mut text = self.unknown_key(target).reveal().to_owned();
        text.pop();
        Secret::new(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::Router;
    use axum::response::IntoResponse;
    use chrono::{DateTime, TimeZone, Utc};
    use http::StatusCode;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tower::ServiceExt;

    use super::*;

    fn target(gateway_url: &str) -> TrafficTarget {
        let keys = [b"0123456789abcdefghijABCDEFG", b"GFEDCBAjihgfedcba9876543210"];
        let keys = keys.map(|random| Secret::new(format::assemble("cs", Environment::Live, random)));
        TrafficTarget { gateway_url: gateway_url.to_owned(), keys: keys.to_vec() }
    }

    fn clock() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
    }

    #[tokio::test]
    async fn the_almanac_answers_every_call_that_reaches_it_as_expected() {
        let target = target("");
        let mut dice = Dice::new(1);
        let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
        let almanac = almanac::router(clock);
        for _ in 0..600 {
            let call = Call::next(&mut dice, &target);
            *statuses.entry(call.expected).or_default() += 1;
            let is_for_almanac = call.expected != 401 && call.url.starts_with("/v1/");
            if is_for_almanac {
                let (expected, url) = (call.expected, call.url.clone());
                let answer = almanac.clone().oneshot(call.into_request().unwrap()).await.unwrap();
                assert_eq!(answer.status().as_u16(), expected, "{url}");
            }
        }
        assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [200, 400, 401, 404, 405, 422]);
        assert!((500..560).contains(&statuses[&200]), "{statuses:?}");
    }

    #[test]
    fn wrong_keys_are_wrong_in_the_way_they_are_meant_to_be() {
        let target = target("");
        let mut dice = Dice::new(2);
        assert!(format::parse(dice.unknown_key(&target).reveal(), "cs").is_some());
        assert!(format::parse(dice.malformed_key(&target).reveal(), "cs").is_none());
    }

    #[test]
    fn the_rate_stays_between_three_and_eight() {
        let mut dice = Dice::new(3);
        let pauses: Vec<f64> = (0..1_300).map(|calls| pause(&mut dice, calls).as_secs_f64()).collect();
        for some in pauses.chunks(100) {
            let rate = 100.0 / some.iter().sum::<f64>();
            assert!((2.7..8.5).contains(&rate), "{rate}");
        }
    }

    #[tokio::test]
    async fn traffic_outlives_a_gateway_that_breaks_every_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = target(&format!("http://{}/almanac", listener.local_addr().unwrap()));
        let shutdown = CancellationToken::new();
        let traffic = tokio::spawn(run(target, shutdown.clone()));
        for _ in 0..3 {
            drop(listener.accept().await.unwrap());
        }
        let (seen, mut paths) = mpsc::channel(16);
        let gateway = Router::new().fallback(async move |request: Request<Body>| {
            let _ = seen.send(request.uri().path().to_owned()).await;
            StatusCode::IM_A_TEAPOT.into_response()
        });
        let gateway = tokio::spawn(async move { axum::serve(listener, gateway).await });
        for _ in 0..3 {
            assert!(paths.recv().await.unwrap().starts_with("/almanac"));
        }
        shutdown.cancel();
        traffic.await.unwrap();
        gateway.abort();
    }
}
