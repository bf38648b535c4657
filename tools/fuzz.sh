#!/usr/bin/env bash
# What strangers write, against naive models of the same rules, for longer than `make test` does it.
#   tools/fuzz.sh [a part of a target's name]     without one all of them
# FUZZ_S=600 takes ten minutes for each target, instead of one. A failure prints its seed: ARBTEST_SEED=0x… tools/fuzz.sh
# NAME fails again in the same way.
source "$(dirname "$0")/env.sh"
claim_target_dir

# A development build on purpose: it stops at overflows.
say "Fuzz targets, ${FUZZ_S:-60} s each"
export ARBTEST_BUDGET_MS=$((${FUZZ_S:-60} * 1000))
packages=(--package contract --package gateway --package request_logs --package portal)
cargo test "${packages[@]}" --lib -- "${1:-fuzz::}"
