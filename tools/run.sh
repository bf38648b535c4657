#!/usr/bin/env bash
# Builds, then becomes the demo. Ctrl-C ends it in good order; data stays in ./data.
source "$(dirname "$0")/env.sh"

tools/build.sh dev
say "Start the demo (Ctrl-C ends it)"
export LEPTOS_SITE_ROOT=$ROOT/target/site LEPTOS_HASH_FILES=true
exec "$DEV/countersign" demo "$@"
