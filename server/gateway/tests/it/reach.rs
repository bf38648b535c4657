//! To which addresses the gateway connects: not into private networks, whatever a name says at that moment.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use gateway::{NameDirectory, Reachable};

use crate::harness::*;

/// Names that lead where a test says.
struct Liar(Vec<IpAddr>, Arc<AtomicUsize>);

impl NameDirectory for Liar {
    fn find(&self, _: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

/// An upstream that counts who comes.
async fn secret() -> (String, Arc<AtomicUsize>) {
    let visits = Arc::new(AtomicUsize::new(0));
    let seen = visits.clone();
    let handler = move || {
        seen.fetch_add(1, Ordering::Relaxed);
        async { "the metadata of the cloud" }
    };
    (upstream(Router::new().fallback(get(handler))).await, visits)
}

fn lying(base: &str, addresses: &[&str]) -> (Plan, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let port = base.rsplit(':').next().unwrap();
    let mut plan = Plan::over(format!("http://upstream.example.com:{port}"));
    plan.reachable = Reachable::Public;
    plan.names = Some(Arc::new(Liar(addresses.iter().map(|one| one.parse().unwrap()).collect(), asked.clone())));
    (plan, asked)
}

/// Attack case: a name that was public when it was registered leads home when it is used.
///
/// Claims: S002-17
#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_not_connected_to() {
    let (base, visits) = secret().await;
    for addresses in
        [&["127.0.0.1"][..], &["169.254.169.254"], &["10.0.0.1", "127.0.0.1"], &["::1"], &["::ffff:127.0.0.1"]]
    {
        let (plan, asked) = lying(&base, addresses);
        let mut house = plan.open().await;
        // More often than an upstream may fail before it is left alone: this is no failure of its.
        for _ in 0..7 {
            let answer = house.get("/almanac", &[bearer(&active())]).await;
            let row = house.row().await;
            answer.assert_refused(502, "upstream_forbidden", &row);
            assert_eq!(row.cost, 0);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 7, "each try is one lookup");
    }
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_address_in_the_url_of_an_upstream_is_looked_at_too() {
    let (base, visits) = secret().await;
    let port = base.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let mut plan = Plan::over(format!("http://{host}:{port}"));
        plan.reachable = Reachable::Public;
        let mut house = plan.open().await;
        let answer = house.get("/almanac", &[bearer(&active())]).await;
        answer.assert_refused(502, "upstream_forbidden", &house.row().await);
    }
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_reached_are_tried() {
    let (base, visits) = secret().await;
    // Nothing answers at the first one, and the second one, where something does, is never asked.
    let (mut plan, _) = lying(&base, &["192.88.98.1", "127.0.0.1"]);
    plan.timeout = std::time::Duration::from_millis(200);
    let mut house = plan.open().await;
    let answer = house.get("/almanac", &[bearer(&active())]).await;
    assert!([502, 504].contains(&answer.status), "{answer:?}");
    assert_ne!(house.row().await.code.as_deref(), Some("upstream_forbidden"));
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_the_settings_allow_is_reached_by_its_name() {
    let (base, visits) = secret().await;
    let (mut plan, _) = lying(&base, &["127.0.0.1"]);
    plan.reachable = Reachable::Everything;
    let house = plan.open().await;
    assert_eq!(house.get("/almanac", &[bearer(&active())]).await.status, 200);
    assert_eq!(visits.load(Ordering::Relaxed), 1);
}

/// A redirect is an answer: the gateway follows none, so it cannot be led anywhere by one.
#[tokio::test]
async fn a_redirect_of_an_upstream_is_passed_on_and_not_followed() {
    let (elsewhere, visits) = secret().await;
    let router = Router::new().fallback(get(move || async move { axum::response::Redirect::temporary(&elsewhere) }));
    let house = Plan::over(upstream(router).await).open().await;
    assert_eq!(house.get("/almanac", &[bearer(&active())]).await.status, 307);
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}
