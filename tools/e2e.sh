#!/usr/bin/env bash
# The browser tests, against a development build. Names of files in end2end/tests choose some: tools/e2e.sh main_job
source "$(dirname "$0")/env.sh"

if [ -z "${COUNTERSIGN_BIN:-}" ]; then tools/build.sh dev; fi
files=()
for name in "${@:-*}"; do
  for file in end2end/tests/${name%.test.mjs}.test.mjs; do
    [ -f "$file" ] || fail "There is no $file."
    files+=("$file")
  done
done
rm -rf end2end/out
say "Browser tests (${#files[@]} files, $(${CHROMIUM:-chromium} --version 2>/dev/null | head -n 1))"
# Two at a time: each has a demo and a browser of its own.
node --test --test-concurrency=2 --test-timeout=900000 --test-reporter=spec "${files[@]}" || {
  [ ! -d end2end/out ] || note "Pictures of the pages that failed: end2end/out"
  exit 1
}
