//! Who is measured, and what each does not do.

use std::path::Path;

use crate::CONTENDER;
use crate::peers;
use crate::processes::{Running, assert_free, pinned};

/// One of those that are measured.
#[derive(Clone, Copy)]
pub struct Contender {
    pub name: &'static str,
    /// What it is measured against.
    pub against: Option<&'static str>,
    pub path: &'static str,
    pub is_verify: bool,
    pub remark: &'static str,
}

pub const BARE_ANSWER: &str = "bare hyper answer";
pub const BARE_PROXY: &str = "bare hyper proxy";
pub const OURS: &str = "countersign";
pub const LUA: &str = "nginx + Lua";
pub const HAPROXY: &str = "HAProxy";

/// Something that proxies, measured against the bare proxy.
const fn proxy(name: &'static str, remark: &'static str) -> Contender {
    Contender { name, against: Some(BARE_PROXY), path: "/a/v1/x", is_verify: false, remark }
}

/// In the order of the table.
pub const CONTENDERS: [Contender; 11] = [
    Contender { name: BARE_ANSWER, against: None, path: "/", is_verify: true, remark: "the same bytes, no decision" },
    Contender {
        name: "countersign verify",
        against: Some(BARE_ANSWER),
        path: "/verify",
        is_verify: true,
        remark: "JSON in and out, row in the mapped spool",
    },
    Contender { against: None, ..proxy(BARE_PROXY, "no policy, no log") },
    proxy(OURS, "row in the mapped spool before the answer ends"),
    proxy("nginx bare", "no policy, no log"),
    proxy("nginx", "key map, no hash, one limit, no quota, no headers; log buffered, lost on a kill"),
    proxy(LUA, "HMAC-SHA-1, GCRA, quota, headers; log buffered, lost on a kill"),
    proxy(HAPROXY, "key map, rate by stick table, no hash, no quota, no headers; log to a ring in memory"),
    proxy("Envoy", "key map, no hash, limits and quota as token buckets, headers of one; log buffered, lost on a kill"),
    proxy("Go", "standard library; HMAC-SHA-256, GCRA, quota, headers; log buffered, lost on a kill"),
    proxy("Node.js", "fastify; HMAC-SHA-256, GCRA, quota, headers; log buffered, lost on a kill"),
];

/// Starts a contender; nothing if what it needs is not installed.
pub fn start(contender: &Contender, folder: &Path, core: usize) -> Option<Running> {
    assert_free(CONTENDER);
    let is_ours = [BARE_ANSWER, BARE_PROXY, OURS].contains(&contender.name) || contender.is_verify;
    let running = if is_ours {
        let spool = folder.join("spool");
        let _ = std::fs::remove_dir_all(&spool);
        let own = std::env::current_exe().unwrap();
        Running::start(pinned(core, own.to_str().unwrap()).args(["serve", contender.name, spool.to_str().unwrap()]))
    } else {
        peers::start(contender.name, folder, core)?
    };
    Some(running.listening(CONTENDER))
}
