#!/usr/bin/env bash
# What is measured on this machine, over loopback or in memory. Numbers are printed, and judged by the reader.
#   tools/bench.sh [pages|flood|sign_in|matrix|gateway|latency]…   without a name all of them
# More of each: BENCH_REQUESTS=1000 BENCH_FLOOD_S=60 BENCH_ROUNDS=7 BENCH_PAIRS=2000 (a quarter of an hour; 500 are four minutes)
# Seconds of each measurement, and who takes part: BENCH_SECONDS=3 BENCH_ONLY="countersign,nginx + Lua" tools/bench.sh gateway
source "$(dirname "$0")/env.sh"
claim_target_dir

running() { COUNTERSIGN_BIN=$DIST/countersign COUNTERSIGN_SITE=$DIST/site node --test-name-pattern "$1" end2end/bench.mjs; }

pages() {
  say "Time to first byte, one request after the other"
  running "time to first byte"
}

flood() {
  say "A flood of sign-ins, and what others notice"
  running "a flood of sign-ins"
}

sign_in() {
  say "Addresses with and without an account"
  cargo bench --quiet --package server --bench sign_in -- "${BENCH_PAIRS:-500}"
}

# A test, and so a development build: what it has to say is how much it looked at.
matrix() {
  say "Every function as every subject on every organization's objects"
  cargo test --quiet --package server --test it matrix:: -- --nocapture --test-threads=1 | grep -E 'cells|pages were read'
}

needs_wrk_and_nginx() {
  has wrk && has nginx ||
    fail "This needs wrk and nginx: apt-get install wrk nginx-light libnginx-mod-http-lua lua-resty-core haproxy"
}

# measure SUBCOMMAND SECONDS: the peers are found on the path.
measure() {
  local subcommand=$1 seconds=${BENCH_SECONDS:-$2} only=()
  [ -z "${BENCH_ONLY:-}" ] || IFS=, read -ra only <<<"$BENCH_ONLY"
  # shellcheck disable=SC2086 # no subcommand is no argument
  PATH=$PEERS/bin:$PATH cargo run --quiet --release --package measure -- $subcommand "${BENCH_ROUNDS:-5}" "$seconds" "${only[@]}"
}

gateway() {
  say "The gateway beside a bare hyper server and proxy, nginx, HAProxy, Envoy, and gateways in Go and Node.js"
  needs_wrk_and_nginx
  # Whoever is not there is left out, and the table says so.
  tools/bench-peers.sh || note "Measured without them."
  measure '' 8
}

latency() {
  say "What the gateway adds to the time of an answer at a fixed rate, beside nginx with Lua and HAProxy"
  needs_wrk_and_nginx
  measure latency 15
}

for what in "${@:-pages}"; do
  case $what in
    pages | flood | sign_in | matrix | gateway | latency) ;;
    *) fail "Unknown measurement '$what': pages, flood, sign_in, matrix, gateway or latency." ;;
  esac
done
[ $# -gt 0 ] || set -- pages flood sign_in matrix gateway latency
case " $* " in *" pages "* | *" flood "*) tools/build.sh release ;; esac
for what in "$@"; do "$what"; done
