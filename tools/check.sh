#!/usr/bin/env bash
# Everything that can be said about the code without running it; the cheap first. With --without-size the release
# bundle is not built and weighed, which is the one slow part.
source "$(dirname "$0")/env.sh"
claim_target_dir

# Pages are linted as the server compiles them and as the browser does. Never both in one command: `frontend` would
# switch on the browser's half of Leptos for the server too.
host=(--workspace --exclude frontend)
browser=(--package frontend --target wasm32-unknown-unknown --target-dir "$CARGO_TARGET_DIR/front")

lint() {
  cargo clippy "${host[@]}" --all-targets -- -D warnings
  cargo clippy "${browser[@]}" --profile wasm-dev -- -D warnings
}
docs() { RUSTDOCFLAGS="-D warnings" cargo doc "${host[@]}" --no-deps --document-private-items; }
bindgen() {
  local crate tool
  crate=$(wanted wasm-bindgen)
  tool=$(wasm-bindgen --version | cut -d' ' -f2)
  [ "$crate" = "$tool" ] || fail "Cargo.lock has wasm-bindgen $crate and the command-line tool is $tool: the browser would refuse the bundle." "make setup"
  note "wasm-bindgen $tool on both sides"
}
size() {
  tools/build.sh bundle
  node tools/size.mjs target/bundle/site/pkg
}

stage "Hygiene" tools/hygiene.sh
stage "Format" cargo fmt --all --check
stage "Crate boundaries" tools/boundaries.sh
stage "Licences" node tools/licences.mjs
stage "wasm-bindgen versions" bindgen
stage "Lints" lint
stage "Docs" docs
if [ "${1:-}" != --without-size ]; then stage "Size of the browser bundle" size; fi
report_stages
