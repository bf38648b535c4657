//! What others do the same work with, set up as a team would for it: nginx, nginx with Lua, `HAProxy`, Envoy, and a
//! gateway written in Go and one in Node.js, whose sources are in `peers/`.
//!
//! None of them is needed: what is not installed is not measured. `tools/bench-peers.sh` installs the last three.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::processes::{Running, installed, pinned};
use crate::{CONTENDER, KEYS, UPSTREAM, key};

/// Starts a peer by its name; nothing if what it needs is not installed.
pub fn start(name: &str, folder: &Path, core: usize) -> Option<Running> {
    let listen = format!("listen 127.0.0.1:{CONTENDER};");
    Some(match name {
        "nginx bare" => {
            let server = format!("server {{ {listen} location / {{ {PROXY} proxy_pass http://api; }} }}");
            nginx(folder, "bare", core, "", &format!("access_log off;\n{}\n{server}", backend()))
        }
        "nginx" => nginx(folder, "nginx", core, "", &plain(folder, &listen)),
        "nginx + Lua" => {
            if !Path::new("/usr/lib/nginx/modules/ngx_http_lua_module.so").exists() {
                return None;
            }
            let modules = "load_module /usr/lib/nginx/modules/ndk_http_module.so;\n\
                           load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;";
            nginx(folder, "lua", core, modules, &lua(folder, &listen))
        }
        "HAProxy" => {
            let mut command = program("haproxy", core)?;
            Running::start(command.arg("-q").arg("-f").arg(haproxy(folder)))
        }
        "Envoy" => {
            let mut command = program("envoy", core)?;
            let one_thread = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
            Running::start(command.args(one_thread).arg("-c").arg(envoy(folder)))
        }
        "Go" => Running::start(written(program("peer-go", core)?, folder).env("GOMAXPROCS", "1")),
        "Node.js" => Running::start(&mut written(program("peer-node", core)?, folder)),
        other => panic!("there is no peer {other}"),
    })
}

fn program(name: &str, core: usize) -> Option<Command> {
    installed(name).then(|| pinned(core, name))
}

/// The arguments of the gateways in `peers/`.
fn written(mut command: Command, folder: &Path) -> Command {
    let keys = folder.join("peer.keys");
    std::fs::write(&keys, callers()).unwrap();
    command.arg(format!("127.0.0.1:{CONTENDER}")).arg(format!("http://127.0.0.1:{UPSTREAM}"));
    command.arg(keys).arg(folder.join("peer.log"));
    command
}

/// Every key and its caller, a line each.
fn callers() -> String {
    (1..=KEYS).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{} org{number}", key(number));
        text
    })
}

fn envoy(folder: &Path) -> PathBuf {
    let keys = (1..=KEYS).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "              - {{ key: {}, client: org{number} }}", key(number));
        text
    });
    let text = include_str!("../peers/envoy.yaml")
        .replace("FOLDER", &folder.display().to_string())
        .replace("LISTEN", &CONTENDER.to_string())
        .replace("UPSTREAM", &UPSTREAM.to_string())
        .replace("KEYS", &keys);
    let config = folder.join("envoy.yaml");
    std::fs::write(&config, text).unwrap();
    config
}

/// nginx with this configuration.
pub fn nginx(folder: &Path, name: &str, core: usize, modules: &str, http: &str) -> Running {
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

/// What nginx can do without Lua: a map of keys and a limit.
fn plain(folder: &Path, listen: &str) -> String {
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
    http
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

/// The same job for `HAProxy`, as far as it goes.
fn haproxy(folder: &Path) -> PathBuf {
    let map = folder.join("keys.map");
    std::fs::write(&map, callers()).unwrap();
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
