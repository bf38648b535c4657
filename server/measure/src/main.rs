//! How much of the machine the gateway leaves to the API behind it: requests per second of the gateway's own CPU time,
//! as a share of a bare hyper server and a bare hyper proxy on the same work, and beside nginx and `HAProxy`.
//!
//! Every contender runs alone on the last core; `wrk` and the upstream (nginx, `return 200`) run on the first. CPU time
//! is that of the contender's processes from `/proc`, so neither the load generator's speed nor its noise counts. One
//! round measures every contender once; the order turns from round to round; the median of the rounds and the smallest
//! and largest are printed, and ratios are taken round by round.
//!
//! Equal policies: 1,000 keys, a keyed hash of the presented key, a limit and a quota that are never reached, headers
//! that tell them, one log row a request. What is not equal is said in the table's last column.
//!
//! `cargo run --release -p measure -- 5 8` measures 5 rounds of 8 s each. Needs wrk and nginx; nginx's Lua
//! module and `HAProxy` are measured if they are installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod decisions;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use contract::keys::format::{RANDOM_LENGTH, assemble};
use contract::keys::hash::{KeyHash, KeyHasher};
use contract::limits::{Limit, Period, Quota};
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

/// That of the program, for every contender of ours.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEYS: u128 = 1_000;
const CONNECTIONS: &str = "64";
const UPSTREAM: u16 = 18_100;
const CONTENDER: u16 = 18_200;
const PEPPER: [u8; 32] = [7; 32];

/// Never reached, so that every request is answered alike.
const PLENTY: Limit = Limit { requests: 1_000_000_000, seconds: 60 };
const VAST: Quota = Quota { units: 1_000_000_000, period: Period::Month };

/// What the upstream answers: 200 bytes of JSON.
fn payload() -> String {
    format!("{{\"pad\":\"{}\"}}", "x".repeat(190))
}

fn key(number: u128) -> String {
    let text = format!("{number:0>width$}", width = RANDOM_LENGTH);
    assemble("cs", Environment::Live, text.as_bytes().try_into().unwrap())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => serve(&arguments[1], Path::new(&arguments[2])),
        Some("decisions") => match (arguments.get(1).map(String::as_str), arguments.get(2)) {
            (None, _) => decisions::check(false),
            (Some("accept"), _) => decisions::check(true),
            (Some("run"), Some(what)) => decisions::run(what),
            (Some(other), _) => panic!("unknown: {other}"),
        },
        _ => compare(&arguments),
    }
}

// ------------------------------------------------------------------------------------------------------- contenders

#[derive(Clone, Copy)]
struct Contender {
    name: &'static str,
    /// What it is measured against.
    against: Option<&'static str>,
    path: &'static str,
    is_verify: bool,
    remark: &'static str,
}

const BARE_ANSWER: &str = "bare hyper answer";
const BARE_PROXY: &str = "bare hyper proxy";

const CONTENDERS: [Contender; 8] = [
    Contender { name: BARE_ANSWER, against: None, path: "/", is_verify: true, remark: "the same bytes, no decision" },
    Contender {
        name: "countersign verify",
        against: Some(BARE_ANSWER),
        path: "/verify",
        is_verify: true,
        remark: "JSON in and out, row in the mapped spool",
    },
    Contender { name: BARE_PROXY, against: None, path: "/a/v1/x", is_verify: false, remark: "no policy, no log" },
    Contender {
        name: "countersign",
        against: Some(BARE_PROXY),
        path: "/a/v1/x",
        is_verify: false,
        remark: "row in the mapped spool before the answer ends",
    },
    Contender {
        name: "nginx bare",
        against: Some(BARE_PROXY),
        path: "/a/v1/x",
        is_verify: false,
        remark: "no policy, no log",
    },
    Contender {
        name: "nginx",
        against: Some(BARE_PROXY),
        path: "/a/v1/x",
        is_verify: false,
        remark: "key map, no hash, no quota, no headers; log buffered, lost on a kill",
    },
    Contender {
        name: "nginx + Lua",
        against: Some(BARE_PROXY),
        path: "/a/v1/x",
        is_verify: false,
        remark: "HMAC-SHA-1, GCRA, quota, headers; log buffered, lost on a kill",
    },
    Contender {
        name: "HAProxy",
        against: Some(BARE_PROXY),
        path: "/a/v1/x",
        is_verify: false,
        remark: "key map, rate by stick table, no hash, no quota; log to a ring in memory",
    },
];

/// One process of ours, on one thread.
fn serve(what: &str, folder: &Path) {
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

struct Keys(papaya::HashMap<KeyHash, Arc<Grant>>);

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
fn populated(ledger: Ledger, limit: Limit, quota: Quota) -> (Gateway, Arc<Keys>) {
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

// ------------------------------------------------------------------------------------------------------- processes

/// A process that ends with this value.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// User and system time of the process and its children, in seconds.
    fn cpu(&self) -> f64 {
        let own = self.0.id().to_string();
        let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let stats = all.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
        let ticks: u64 = stats
            .filter_map(|stat| {
                // proc_pid_stat(5): after the name in parentheses come state, parent, …, utime (14), stime (15).
                let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
                let is_ours = stat.split_whitespace().next() == Some(&own) || fields.get(1) == Some(&own.as_str());
                is_ours.then(|| Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?))?
            })
            .sum();
        // Linux counts in hundredths on every machine of ours (`getconf CLK_TCK`).
        ticks as f64 / 100.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A master process of nginx ends its worker only when it is asked in good order.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn pinned(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

fn installed(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status().unwrap().success()
}

/// Waits until somebody listens.
fn ready(port: u16) {
    for _ in 0..1_000 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "nothing tells when another program listens")]
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing listens on port {port}");
}

fn nginx(folder: &Path, name: &str, core: usize, modules: &str, http: &str) -> Running {
    let config = folder.join(format!("{name}.conf"));
    let text = format!(
        "{modules}\nworker_processes 1;\ndaemon off;\npid {folder}/{name}.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n\
         client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
         keepalive_requests 100000000; keepalive_timeout 1h; server_tokens off;\n{http}\n}}\n",
        folder = folder.display()
    );
    std::fs::write(&config, text).unwrap();
    Running::start(pinned(core, "nginx").args(["-c", config.to_str().unwrap(), "-e", "stderr"]))
}

const PROXY: &str = "proxy_http_version 1.1; proxy_set_header Connection \"\";";

fn backend() -> String {
    format!("upstream api {{ server 127.0.0.1:{UPSTREAM}; keepalive 128; keepalive_requests 100000000; }}")
}

fn log_format(folder: &Path, name: &str, caller: &str) -> String {
    format!(
        "log_format row escape=json '{{\"at\":\"$msec\",\"id\":\"$request_id\",\"caller\":\"{caller}\",\
         \"method\":\"$request_method\",\"status\":$status,\"us\":$request_time,\"bytes\":$body_bytes_sent}}';\n\
         access_log {}/{name}.log row buffer=64k flush=1s;",
        folder.display()
    )
}

/// Starts a contender; nothing if what it needs is not installed.
fn start(contender: &Contender, folder: &Path, core: usize) -> Option<Running> {
    let listen = format!("listen 127.0.0.1:{CONTENDER};");
    let running = match contender.name {
        "nginx bare" => nginx(
            folder,
            "bare",
            core,
            "",
            &format!(
                "access_log off;\n{}\nserver {{ {listen} location / {{ {PROXY} proxy_pass http://api; }} }}",
                backend()
            ),
        ),
        "nginx" => {
            let mut http = format!("map_hash_max_size 16384; map_hash_bucket_size 256;\n{}\n", backend());
            http.push_str("map $http_authorization $caller {\ndefault \"\";\n");
            for number in 1..=KEYS {
                let _ = writeln!(http, "\"Bearer {}\" org{number};", key(number));
            }
            http.push_str("}\nlimit_req_zone $caller zone=callers:10m rate=1000000r/s;\n");
            http.push_str(&log_format(folder, "nginx", "$caller"));
            let _ = write!(
                http,
                "\nserver {{ {listen} location / {{ if ($caller = \"\") {{ return 401; }} \
                 limit_req zone=callers burst=1000000 nodelay; {PROXY} proxy_set_header Authorization \"\"; \
                 proxy_set_header X-Caller $caller; proxy_pass http://api; }} }}"
            );
            nginx(folder, "nginx", core, "", &http)
        }
        "nginx + Lua" => {
            if !Path::new("/usr/lib/nginx/modules/ngx_http_lua_module.so").exists() {
                return None;
            }
            let modules = "load_module /usr/lib/nginx/modules/ndk_http_module.so;\n\
                           load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;";
            nginx(folder, "lua", core, modules, &lua(folder, &listen))
        }
        "HAProxy" => {
            if !installed("haproxy") {
                return None;
            }
            let config = haproxy(folder);
            Running::start(pinned(core, "haproxy").args(["-q", "-f", config.to_str().unwrap()]))
        }
        ours => {
            let spool = folder.join("spool");
            let _ = std::fs::remove_dir_all(&spool);
            let own = std::env::current_exe().unwrap();
            Running::start(pinned(core, own.to_str().unwrap()).args(["serve", ours, spool.to_str().unwrap()]))
        }
    };
    ready(CONTENDER);
    Some(running)
}

/// What a team writes with nginx and Lua for the same job: a keyed hash, a table of keys, GCRA and a counter in shared
/// memory, headers, a buffered log.
fn lua(folder: &Path, listen: &str) -> String {
    let keys: String = (1..=KEYS).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "keys:set(ngx.hmac_sha1('pepper', '{}'), 'org{number}')", key(number));
        text
    });
    std::fs::write(folder.join("keys.lua"), format!("local keys = ngx.shared.keys\n{keys}")).unwrap();
    format!(
        "lua_shared_dict keys 10m; lua_shared_dict limits 10m; lua_shared_dict quotas 10m;\n{backend}\n{log}\n\
         init_by_lua_file {folder}/keys.lua;\n\
         server {{ {listen} location / {{ set $caller ''; {PROXY}\n\
         access_by_lua_block {{\n\
           local text = ngx.var.http_authorization\n\
           if not text or text:sub(1, 7) ~= 'Bearer ' then return ngx.exit(401) end\n\
           local key = text:sub(8)\n\
           if not ngx.re.find(key, '^cs_(live|test)_[0-9A-Za-z]{{33}}$', 'jo') then return ngx.exit(401) end\n\
           local caller = ngx.shared.keys:get(ngx.hmac_sha1('pepper', key))\n\
           if not caller then return ngx.exit(401) end\n\
           local limits, now, interval, allowance = ngx.shared.limits, ngx.now(), 60 / 1e9, 60\n\
           for _, level in ipairs({{ 'plan:', 'key:' }}) do\n\
             local at = math.max(limits:get(level .. caller) or 0, now) + interval\n\
             if at - now > allowance then return ngx.exit(429) end\n\
             limits:set(level .. caller, at)\n\
           end\n\
           local spent = ngx.shared.quotas:incr(caller, 1, 0)\n\
           if spent > 1000000000 then return ngx.exit(429) end\n\
           ngx.var.caller = caller\n\
           ngx.header['RateLimit-Policy'] = '\"plan\";q=1000000000;w=60, \"key\";q=1000000000;w=60, \"quota\";q=1000000000;w=2592000'\n\
           ngx.header['RateLimit'] = string.format('\"plan\";r=%d;t=1, \"key\";r=%d;t=1, \"quota\";r=%d;t=1000', 999999999, 999999999, 1000000000 - spent)\n\
           ngx.req.clear_header('Authorization')\n\
           ngx.req.set_header('X-Caller', caller)\n\
         }}\n\
         proxy_pass http://api; }} }}",
        backend = backend(),
        log = log_format(folder, "lua", "$caller"),
        folder = folder.display(),
    )
}

fn haproxy(folder: &Path) -> PathBuf {
    let keys: String = (1..=KEYS).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{} org{number}", key(number));
        text
    });
    let map = folder.join("keys.map");
    std::fs::write(&map, keys).unwrap();
    let config = folder.join("haproxy.cfg");
    let text = format!(
        "global\n  nbthread 1\n  maxconn 4096\n  log ring@rows local0\n\
         ring rows\n  format raw\n  maxlen 1200\n  size 1048576\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n  http-reuse always\n\
         frontend in\n  bind 127.0.0.1:{CONTENDER}\n  log global\n\
         \x20 log-format '{{\"at\":%Ts.%ms,\"method\":\"%HM\",\"status\":%ST,\"ms\":%Ta,\"bytes\":%B,\"caller\":\"%[var(txn.caller)]\"}}'\n\
         \x20 http-request set-var(txn.caller) req.hdr(authorization),regsub(^Bearer\\ ,),map({map})\n\
         \x20 http-request deny deny_status 401 unless {{ var(txn.caller) -m found }}\n\
         \x20 stick-table type string len 16 size 100k expire 10m store http_req_rate(60s),gpc0\n\
         \x20 http-request track-sc0 var(txn.caller)\n\
         \x20 http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 1000000000 }}\n\
         \x20 http-request sc-inc-gpc0(0)\n\
         \x20 http-request del-header authorization\n  default_backend api\n\
         backend api\n  server one 127.0.0.1:{UPSTREAM} pool-max-conn 128\n",
        map = map.display()
    );
    std::fs::write(&config, text).unwrap();
    config
}

// ------------------------------------------------------------------------------------------------------- measuring

/// Requests answered with 200 per second of the contender's CPU time.
fn measure(contender: &Contender, running: &Running, folder: &Path, seconds: u32) -> f64 {
    let load = |seconds: u32| {
        let url = format!("http://127.0.0.1:{CONTENDER}{}", contender.path);
        let script = folder.join(if contender.is_verify { "verify.lua" } else { "proxy.lua" });
        let output = pinned(0, "wrk")
            .args(["-t1", "-c", CONNECTIONS, "-d", &format!("{seconds}s"), "-s", script.to_str().unwrap(), &url])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        let (requests, failed) = (field("requests:").unwrap(), field("failed:").unwrap());
        assert!(failed == 0.0, "{}: {failed} of {requests} requests failed\n{text}", contender.name);
        requests
    };
    load(1);
    let before = running.cpu();
    let requests = load(seconds);
    requests / (running.cpu() - before)
}

/// The scripts of wrk: every request with another key, results on lines of their own.
fn write_scripts(folder: &Path) {
    let keys: Vec<String> = (1..=KEYS).map(|number| format!("'{}'", key(number))).collect();
    let shared = format!(
        "local keys = {{ {} }}\nlocal place = 0\nlocal function key() place = place % #keys + 1; return keys[place] end\n\
         function done(summary) io.write('requests: ' .. summary.requests .. '\\nfailed: ' .. \
         (summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout) .. '\\n') end\n",
        keys.join(",")
    );
    let proxy = "request = function() return wrk.format('GET', nil, { ['Authorization'] = 'Bearer ' .. key() }) end\n";
    let verify = "request = function() return wrk.format('POST', nil, { ['Authorization'] = 'Bearer operator' }, \
                  '{\"key\":\"' .. key() .. '\",\"api\":\"a\",\"route\":\"/v1/x\"}') end\n";
    std::fs::write(folder.join("proxy.lua"), format!("{shared}{proxy}")).unwrap();
    std::fs::write(folder.join("verify.lua"), format!("{shared}{verify}")).unwrap();
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn compare(arguments: &[String]) {
    let number = |place: usize, otherwise| arguments.get(place).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (rounds, seconds): (u32, u32) = (number(0, 5), number(1, 8));
    let core = std::thread::available_parallelism().unwrap().get() - 1;
    assert!(core > 0, "one core is for the contender and one for the load: this machine has one");
    for program in ["wrk", "nginx", "taskset"] {
        assert!(installed(program), "`{program}` is missing: apt-get install wrk nginx-light util-linux");
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // nginx's worker may run as another user.
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    write_scripts(folder);
    let answer =
        format!("server {{ listen 127.0.0.1:{UPSTREAM}; default_type application/json; return 200 '{}'; }}", payload());
    let _upstream = nginx(folder, "upstream", 0, "", &format!("access_log off;\n{answer}"));
    ready(UPSTREAM);
    let mut results: Vec<Vec<f64>> = vec![Vec::new(); CONTENDERS.len()];
    for round in 0..rounds as usize {
        for turn in 0..CONTENDERS.len() {
            let place = (turn + round) % CONTENDERS.len();
            let contender = &CONTENDERS[place];
            let Some(running) = start(contender, folder, core) else { continue };
            let rate = measure(contender, &running, folder, seconds);
            println!("round {}: {:<20} {rate:>9.0} requests per CPU-second", round + 1, contender.name);
            results[place].push(rate);
        }
    }
    println!("\n| | requests per CPU-second: median (smallest to largest) | share of the bare one | |");
    println!("|---|---|---|---|");
    for (contender, rates) in CONTENDERS.iter().zip(&results).filter(|(_, rates)| !rates.is_empty()) {
        let share = contender.against.map_or_else(String::new, |against| {
            let limit = &results[CONTENDERS.iter().position(|other| other.name == against).unwrap()];
            let shares: Vec<f64> = rates.iter().zip(limit).map(|(rate, limit)| rate / limit).collect();
            let (low, high) =
                (shares.iter().copied().fold(f64::MAX, f64::min), shares.iter().copied().fold(0.0, f64::max));
            format!("{:.2} ({low:.2} to {high:.2})", median(&shares))
        });
        let (low, high) = (rates.iter().copied().fold(f64::MAX, f64::min), rates.iter().copied().fold(0.0, f64::max));
        println!(
            "| {} | {:.0} ({low:.0} to {high:.0}) | {share} | {} |",
            contender.name,
            median(rates),
            contender.remark
        );
    }
}
