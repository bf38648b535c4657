#!/usr/bin/env bash
# Builds the browser bundle, the styles and the binary.
#   tools/build.sh dev       quick; binary in target/dev, site in target/site
#   tools/build.sh release   small and fast; everything to ship in target/dist
#   tools/build.sh bundle    the release's browser bundle alone, in target/bundle
source "$(dirname "$0")/env.sh"
claim_target_dir

# cargo-leptos writes the hashes of the files to the folder that is named here, not to the shared target folder.
build() {
  local out=$1 site=$2
  shift 2
  mkdir -p "$out"
  LEPTOS_SITE_ROOT=$site LEPTOS_HASH_FILE_NAME=$out/hash.txt cargo leptos build "$@"
}

# take PROFILE OUT: the binary goes beside the hashes that belong to it. A link costs nothing; across disks it is a copy.
take() {
  ln -f "$CARGO_TARGET_DIR/$1/countersign" "$2/countersign" 2>/dev/null || cp -f "$CARGO_TARGET_DIR/$1/countersign" "$2/countersign"
}

case "${1:-}" in
  dev)
    say "Build (development)"
    build "$DEV" target/site
    take debug "$DEV"
    ;;
  release)
    say "Build (release)"
    build "$DIST" target/dist/site --release --precompress
    take release "$DIST"
    note "$(du -h "$DIST/countersign" | cut -f1) target/dist/countersign"
    note "$(du -sh "$DIST/site" | cut -f1) target/dist/site"
    node tools/size.mjs "$DIST/site/pkg"
    ;;
  bundle)
    say "Build the browser bundle (release)"
    build "$ROOT/target/bundle" target/bundle/site --release --frontend-only
    ;;
  *) fail "Unknown build '${1:-}': dev, release or bundle." ;;
esac
