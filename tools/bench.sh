#!/usr/bin/env bash
# What is measured on this machine, over loopback or in memory. Numbers are printed, and judged by the reader.
#   tools/bench.sh [pages|flood|sign_in|matrix|gateway]…   without a name all of them
# More of each: BENCH_REQUESTS=1000 BENCH_FLOOD_S=60 BENCH_ROUNDS=7 BENCH_PAIRS=2000 (a quarter of an hour; 500 are four minutes)
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

gateway() {
  say "The gateway beside a bare hyper server and proxy, nginx and HAProxy"
  command -v wrk > /dev/null && command -v nginx > /dev/null ||
    fail "This needs wrk and nginx: apt-get install wrk nginx-light libnginx-mod-http-lua lua-resty-core haproxy"
  cargo run --quiet --release --package measure -- "${BENCH_ROUNDS:-5}"
}

for what in "${@:-pages}"; do
  case $what in
    pages | flood | sign_in | matrix | gateway) ;;
    *) fail "Unknown measurement '$what': pages, flood, sign_in, matrix or gateway." ;;
  esac
done
[ $# -gt 0 ] || set -- pages flood sign_in matrix gateway
case " $* " in *" pages "* | *" flood "*) tools/build.sh release ;; esac
for what in "$@"; do "$what"; done
