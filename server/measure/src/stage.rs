//! What every measurement needs: an upstream, a folder, two cores; and who takes part.

use std::path::Path;

use tempfile::TempDir;

use crate::contenders::{CONTENDERS, Contender};
use crate::peers::nginx;
use crate::processes::{Running, assert_free, installed};
use crate::{CONTENDER, KEYS, UPSTREAM, key};

/// The upstream runs, and the scripts of wrk are written, as long as this lives.
pub struct Stage {
    _upstream: Running,
    folder: TempDir,
    /// Where contenders run. Load and upstream run on the first.
    pub core: usize,
}

impl Stage {
    /// Starts the upstream on the first core.
    pub fn set() -> Self {
        let core = std::thread::available_parallelism().unwrap().get() - 1;
        assert!(core > 0, "one core is for the contender and one for the load: this machine has one");
        for program in ["wrk", "nginx", "taskset"] {
            assert!(installed(program), "`{program}` is missing: apt-get install wrk nginx-light util-linux");
        }
        assert_free(UPSTREAM);
        assert_free(CONTENDER);
        let folder = tempfile::tempdir().unwrap();
        // nginx's worker may run as another user.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        write_scripts(folder.path());
        let answer = format!(
            "server {{ listen 127.0.0.1:{UPSTREAM}; default_type application/json; return 200 '{}'; }}",
            payload()
        );
        let upstream = nginx(folder.path(), "upstream", 0, "", &format!("access_log off;\n{answer}"));
        Self { _upstream: upstream.listening(UPSTREAM), folder, core }
    }

    /// For configurations, logs and spools.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// What the upstream answers: 200 bytes of JSON.
fn payload() -> String {
    format!("{{\"pad\":\"{}\"}}", "x".repeat(190))
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

/// Rounds, seconds of each, and who takes part: `3 5 Envoy Go`, all of them if nobody is named.
pub fn asked(arguments: &[String], rounds: u32, seconds: u32, all: &[&str]) -> (u32, u32, Vec<Contender>) {
    let number = |place: usize, otherwise| {
        arguments.get(place).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{text} is no number")))
    };
    let names = arguments.get(2..).unwrap_or_default();
    for name in names {
        assert!(all.iter().any(|known| known.eq_ignore_ascii_case(name)), "nobody is called {name}; known: {all:?}");
    }
    let takes_part = |contender: &&Contender| {
        all.contains(&contender.name)
            && (names.is_empty() || names.iter().any(|name| contender.name.eq_ignore_ascii_case(name)))
    };
    (number(0, rounds), number(1, seconds), CONTENDERS.iter().filter(takes_part).copied().collect())
}

/// Says who was not there.
pub fn tell_missing(missing: &[&str]) {
    if !missing.is_empty() {
        println!("\nNot installed, and so left out: {}. See tools/bench-peers.sh.", missing.join(", "));
    }
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The middle one, and from where to where they reach.
pub fn spread(values: &[f64], digits: usize) -> String {
    let (low, high) =
        (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max));
    format!("{:.digits$} ({low:.digits$} to {high:.digits$})", median(values))
}
