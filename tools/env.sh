# shellcheck shell=bash
# What every script here agrees on: where things are, and how a step speaks. Sourced, never run.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT"

TOOLCHAIN=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/countersign
# Outside the clone, so that a new clone does not compile four hundred crates again.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
# Tools of exact versions live apart from the ones people install for themselves, and go first. So do those of npm:
# a distribution's wasm-opt may be too old for what rustc writes.
TOOLS=$CACHE/tools
# What the proxy is tested with: an upstream and its clients, from their registry.
HTTPBIN=$CACHE/httpbin
export COUNTERSIGN_HTTPBIN=$HTTPBIN
# What the gateway is measured beside.
PEERS=$CACHE/peers
export PATH="$ROOT/node_modules/.bin:$TOOLS/bin:$HOME/.cargo/bin:$PATH"
export CARGO_TERM_PROGRESS_WHEN=${CARGO_TERM_PROGRESS_WHEN:-auto}

# The one place that a development build and its browser files end up in. The binary is put here, beside the list of
# file hashes that belongs to it, because the target folder may be shared with another clone.
DEV=$ROOT/target/dev
DIST=$ROOT/target/dist

in_ci() { [ "${CI:-}" = true ]; }

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' DIM='' RED='' PLAIN=''
fi

# say TEXT: a step announces itself.
say() { printf '%s\n' "${BOLD}▸ $*${PLAIN}"; }
# note TEXT: a detail of the step.
note() { printf '%s\n' "  ${DIM}$*${PLAIN}"; }
# fail TEXT [COMMAND]: what is wrong, and the command that mends it.
fail() {
  printf '%s\n' "${RED}✗ $1${PLAIN}" >&2
  [ $# -lt 2 ] || printf '  Run: %s\n' "$2" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# A machine may have the right compiler under another name, such as `stable`, and be told not to download.
choose_toolchain() {
  [ -z "${RUSTUP_TOOLCHAIN:-}" ] || return 0
  has rustup || return 0
  local installed name
  installed=$(rustup toolchain list -q 2>/dev/null || rustup toolchain list | cut -d' ' -f1)
  if grep -q "^$TOOLCHAIN-" <<<"$installed"; then return 0; fi
  for name in $installed; do
    if [ "$(rustup run "$name" rustc --version 2>/dev/null | cut -d' ' -f2)" = "$TOOLCHAIN" ]; then
      export RUSTUP_TOOLCHAIN=$name
      return 0
    fi
  done
}
choose_toolchain

# Cargo tells our crates of two clones apart by nothing but the age of their files: with one target folder it would
# take what it built of the other clone. So whoever comes from another folder makes cargo look again, at our crates only.
claim_target_dir() {
  local marker=$CARGO_TARGET_DIR/.clone name
  if [ "$(cat "$marker" 2>/dev/null)" = "$ROOT" ]; then return 0; fi
  if [ -d "$CARGO_TARGET_DIR" ]; then
    note "The build cache was last used from another folder; our own crates are compiled anew, dependencies are kept."
    for name in $(git ls-files --cached --others --exclude-standard '*Cargo.toml' | xargs sed -n 's/^name = "\(.*\)"/\1/p'); do
      find "$CARGO_TARGET_DIR" -maxdepth 6 -type d -path '*/.fingerprint/*' -regex ".*/$name-[0-9a-f]*" -prune -exec rm -rf {} +
    done
  fi
  mkdir -p "$CARGO_TARGET_DIR"
  printf '%s\n' "$ROOT" >"$marker"
}

# wanted CRATE: the version that Cargo.lock has.
wanted() { awk -v name="$1" '$1 == "name" && $3 == "\"" name "\"" { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock; }

# stage TITLE COMMAND…: runs it, and remembers how long it took.
STAGES=()
stage() {
  local title=$1 start=$SECONDS
  shift
  say "$title"
  # Not in a condition: a failing command must end the script here, with its own output last.
  "$@"
  STAGES+=("$(printf '%5d s  %s' $((SECONDS - start)) "$title")")
}
report_stages() {
  say "Time taken"
  printf '  %s\n' "${STAGES[@]}"
}
