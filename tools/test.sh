#!/usr/bin/env bash
# Everything. The cheap first, so that a small mistake costs little time; the times of all stages at the end.
source "$(dirname "$0")/env.sh"
claim_target_dir

# What touches a database runs twice; the rest does not know which one there is.
on_sqlite() { env -u TEST_DATABASE_URL cargo test --workspace --exclude frontend; }
on_postgres() { tools/postgres.sh run cargo test --package portal --package migrations --package server --package testdb; }
size() {
  tools/build.sh bundle
  node tools/size.mjs target/bundle/site/pkg
}

stage "Checks" tools/check.sh --without-size
stage "Tests on SQLite" on_sqlite
stage "Tests on PostgreSQL" on_postgres
stage "Instructions per decision" tools/decisions.sh
stage "Build" tools/build.sh dev
stage "Browser tests" env COUNTERSIGN_BIN="$DEV/countersign" tools/e2e.sh
stage "Size of the browser bundle" size
report_stages
say "All passed"
