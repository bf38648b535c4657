//! Our contenders: the gateway as the program runs it, and the bare hyper server and proxy that bound it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use contract::keys::hash::{KeyHash, KeyHasher};
use contract::limits::{Limit, Quota};
use contract::request_logs::{Caller, RequestRow};
use contract::{ApiId, Environment, KeyId, OrganizationId};
use gateway::{
    Gateway, Grant, GrantState, KeyDirectory, Meter, Ports, RequestSink, Routes, Subscription, SubscriptionDirectory,
    Upstream, UpstreamDirectory,
};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use request_logs::{Ledger, RowStore, SpoolSettings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::contenders::{BARE_ANSWER, BARE_PROXY};
use crate::{CONTENDER, KEYS, PEPPER, PLENTY, UPSTREAM, VAST, key};

/// One process of ours, on one thread.
pub fn serve(what: &str, folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], CONTENDER));
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        match what {
            BARE_ANSWER => bare(listener, |_| async { Ok(Response::new(Full::from(verdict()))) }).await,
            BARE_PROXY => {
                let mut tcp = HttpConnector::new();
                tcp.set_nodelay(true);
                let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(tcp);
                bare(listener, move |request| {
                    let client = client.clone();
                    async move { proxied(&client, request).await }
                })
                .await;
            }
            _ => gateway(listener, folder).await,
        }
    });
}

/// As long as what `POST /verify` says here.
fn verdict() -> Bytes {
    Bytes::from(format!("{{\"pad\":\"{}\"}}", "x".repeat(350)))
}

async fn bare<B, F, A>(listener: TcpListener, answer: F)
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Result<Response<B>, hyper_util::client::legacy::Error>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(answer);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn proxied(
    client: &Client<HttpConnector, Incoming>,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
    let path = request.uri().path_and_query().unwrap().clone();
    let to = Uri::builder().scheme("http").authority(format!("127.0.0.1:{UPSTREAM}")).path_and_query(path);
    *request.uri_mut() = to.build().unwrap();
    client.request(request).await
}

/// The keys, in memory.
pub struct Keys(pub papaya::HashMap<KeyHash, Arc<Grant>>);

impl KeyDirectory for Keys {
    fn find(&self, hash: &KeyHash) -> Option<Arc<Grant>> {
        self.0.pin().get(hash).cloned()
    }
}

struct OneApi(Arc<Upstream>);

impl UpstreamDirectory for OneApi {
    fn find(&self, slug: &str) -> Option<Arc<Upstream>> {
        (slug == self.0.slug).then(|| self.0.clone())
    }
}

struct Plans(papaya::HashMap<OrganizationId, Arc<Subscription>>);

impl SubscriptionDirectory for Plans {
    fn find(&self, organization: OrganizationId, _: &Upstream) -> Option<Arc<Subscription>> {
        self.0.pin().get(&organization).cloned()
    }
}

/// As the program hands rows to the ledger.
struct Sink(Ledger);

impl RequestSink for Sink {
    fn record(&self, row: RequestRow) {
        self.0.record(row);
    }

    fn can_record(&self) -> bool {
        self.0.is_writable()
    }
}

/// Rows go no further than the spool: what a database takes is measured elsewhere.
struct Nowhere;

#[async_trait::async_trait]
impl RowStore for Nowhere {
    async fn store(&self, _: &[RequestRow]) -> anyhow::Result<()> {
        Ok(())
    }
}

/// The gateway with its keys, each of an organization of its own with this limit for itself and for the key, and this
/// quota; and the map that it finds them in.
pub fn populated(ledger: Ledger, limit: Limit, quota: Quota) -> (Gateway, Arc<Keys>) {
    let hasher = KeyHasher::new(&PEPPER);
    let (keys, plans) = (papaya::HashMap::new(), papaya::HashMap::new());
    for number in 1..=KEYS {
        let organization = OrganizationId::new(Uuid::from_u128(number));
        let caller = Caller {
            key: KeyId::new(Uuid::from_u128(number)),
            key_label: "server".to_owned(),
            secret_version: 1,
            environment: Environment::Live,
            organization,
            organization_name: "Northwind".to_owned(),
        };
        let grant = Grant { meter: Some(Meter::new(limit)), ..Grant::new(GrantState::Active, caller) };
        keys.pin().insert(hasher.hash(&key(number)), Arc::new(grant));
        let subscription = Subscription { meter: Some(Meter::new(limit)), quota: Some(quota), spent: Arc::default() };
        plans.pin().insert(organization, Arc::new(subscription));
    }
    let base = format!("http://127.0.0.1:{UPSTREAM}").parse().unwrap();
    let routes = Routes::new([("get", "/v1/{x}")]).unwrap();
    let api = Upstream::new(ApiId::new(Uuid::from_u128(1)), "a", base, routes, Duration::from_secs(30));
    let keys = Arc::new(Keys(keys));
    let ports = Ports {
        keys: keys.clone(),
        upstreams: Arc::new(OneApi(Arc::new(api))),
        subscriptions: Arc::new(Plans(plans)),
        sink: Arc::new(Sink(ledger)),
    };
    let mut settings = gateway::Settings::new("cs", "http://portal.test", hasher);
    settings.reachable = gateway::Reachable::Everything;
    settings.service_tokens = vec!["operator".to_owned()];
    (Gateway::new(settings, ports).unwrap(), keys)
}

async fn gateway(listener: TcpListener, folder: &Path) {
    let ledger = Ledger::open(SpoolSettings::new(folder)).unwrap();
    let end = CancellationToken::new();
    tokio::spawn({
        let (ledger, end) = (ledger.clone(), end.clone());
        async move { ledger.run(Arc::new(Nowhere), end).await }
    });
    gateway::serve(populated(ledger, PLENTY, VAST).0, listener, end).await.unwrap();
}
