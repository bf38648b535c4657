#!/usr/bin/env bash
# Time to first byte of pages that the server renders, over loopback, with the release build. More: BENCH_REQUESTS=1000
source "$(dirname "$0")/env.sh"

tools/build.sh release
say "Time to first byte, one request after the other"
COUNTERSIGN_BIN=$DIST/countersign COUNTERSIGN_SITE=$DIST/site node end2end/bench.mjs
