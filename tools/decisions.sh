#!/usr/bin/env bash
# Instructions per decision of the gateway, counted, and compared with what was accepted.
#   tools/decisions.sh          fails if a decision takes more than a tenth more
#   tools/decisions.sh accept   writes what it takes now to server/measure/decisions.toml
source "$(dirname "$0")/env.sh"

has valgrind || fail "valgrind is missing." "make setup-tests"
cargo run --quiet --release --package measure -- decisions "$@"
