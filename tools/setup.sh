#!/usr/bin/env bash
# Installs what is missing to build and to run, and with --tests also what the tests need. Does nothing, quickly, when
# nothing is missing. What it cannot install it names, with the command that does.
source "$(dirname "$0")/env.sh"

CARGO_LEPTOS=0.3.10
NODE_TO_BUILD=18 # Debian 12 has it, and Tailwind and wasm-opt are content with it
NODE_TO_TEST=20  # playwright-core asks for it
REQUESTS=2.32.5  # of `requests`, whose own tests are our client suite: as in end2end/httpbin/requirements.txt

APT_UPDATED=''
# install_packages WHAT PACKAGE…: from the distribution, if we may.
install_packages() {
  local what=$1
  shift
  if ! has apt-get; then fail "$what is missing. Install it with your system's package manager (on Debian: $*)."; fi
  if [ "$(id -u)" != 0 ]; then fail "$what is missing." "sudo apt-get install --no-install-recommends $*"; fi
  say "Install $what ($*)"
  if [ -z "$APT_UPDATED" ]; then
    apt-get update -qq || fail "The package lists could not be read." "apt-get update"
    APT_UPDATED=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    fail "$what could not be installed." "apt-get install --no-install-recommends $*"
}

compiler() {
  has cc || install_packages "a C compiler (SQLite is compiled in)" build-essential
  if ! has rustup; then
    has rustc || fail "Rust is missing. Install rustup (https://rustup.rs, or on Debian 13: apt-get install rustup), then run this again."
    [ "$(rustc --version | cut -d' ' -f2)" = "$TOOLCHAIN" ] || fail "This needs Rust $TOOLCHAIN, and rustc is $(rustc --version | cut -d' ' -f2). Install rustup, or that version."
    [ -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ] || fail "Rust lacks its standard library for the browser (target wasm32-unknown-unknown). Install it, or rustup."
    return 0
  fi
  if ! rustc --version >/dev/null 2>&1; then
    say "Install Rust $TOOLCHAIN"
    rustup toolchain install "$TOOLCHAIN" --profile minimal || fail "Rust $TOOLCHAIN could not be installed." "rustup toolchain install $TOOLCHAIN"
  fi
  if [ ! -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ]; then
    say "Install Rust's standard library for the browser"
    rustup target add wasm32-unknown-unknown || fail "The browser target could not be installed." "rustup target add wasm32-unknown-unknown"
  fi
  local component
  for component in rustfmt clippy; do
    if ! "cargo-${component/rustfmt/fmt}" --version >/dev/null 2>&1; then
      say "Install $component"
      rustup component add "$component" || fail "$component could not be installed." "rustup component add $component"
    fi
  done
}

node_major() { node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/'; }

node_and_npm() {
  if ! has node || ! has npm; then install_packages "Node.js (for Tailwind and wasm-opt)" nodejs npm; fi
  [ "$(node_major)" -ge "$NODE_TO_BUILD" ] || fail "Node.js $(node --version) is too old: this needs $NODE_TO_BUILD or newer. Install a newer one."
  # Compared by content: a fresh checkout changes the times of all files.
  if cmp -s package-lock.json node_modules/.installed-lock; then return 0; fi
  say "Install npm packages"
  npm ci --no-progress --loglevel=error || fail "The npm packages could not be installed." "npm ci"
  cp package-lock.json node_modules/.installed-lock
}

# build_tool NAME VERSION ARGUMENT…: from its source, into a folder of ours.
build_tool() {
  local name=$1 version=$2
  shift 2
  say "Install $name $version (compiled from source, once per machine)"
  # A fixed folder, so that an interrupted build goes on where it stopped.
  env -u RUSTFLAGS CARGO_TARGET_DIR="$CACHE/tools-build" cargo install --root "$TOOLS" "$name" --version "$version" "$@" ||
    fail "$name $version could not be installed." "make setup"
  rm -rf "$CACHE/tools-build"
}

build_tools() {
  local bindgen
  bindgen=$(wanted wasm-bindgen)
  if [ "$(wasm-bindgen --version 2>/dev/null)" != "wasm-bindgen $bindgen" ]; then
    note "The first time takes about 2 minutes for wasm-bindgen …"
    # Without --locked: its lock file names a version that registries do not offer any more.
    build_tool wasm-bindgen-cli "$bindgen"
  fi
  if [ "$(cargo-leptos --version 2>/dev/null)" != "cargo-leptos $CARGO_LEPTOS" ]; then
    if ! has perl || ! has make; then install_packages "perl and make (to build cargo-leptos)" perl make; fi
    note "The first time takes about 8 minutes for cargo-leptos …"
    # It is run for seconds and built once: a cheap build is the quicker one in sum.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
      build_tool cargo-leptos "$CARGO_LEPTOS" --locked --features no_downloads
  fi
  [ "$(wasm-bindgen --version)" = "wasm-bindgen $bindgen" ] ||
    fail "$(command -v wasm-bindgen) is not version $bindgen, which Cargo.lock asks for. Remove it, or put $TOOLS/bin before it in PATH."
}

# httpbin and the clients that speak to it, each of an exact version, in a folder of their own.
httpbin_and_clients() {
  local wanted=end2end/httpbin/requirements.txt
  if cmp -s "$wanted" "$HTTPBIN/.installed"; then return 0; fi
  grep -qx "requests==$REQUESTS" "$wanted" || fail "$wanted and tools/setup.sh name different versions of requests."
  if ! has python3 || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    install_packages "Python (for httpbin, which the proxy is tested with)" python3 python3-venv
  fi
  say "Install httpbin and the client suite"
  rm -rf "$HTTPBIN"
  python3 -m venv "$HTTPBIN"
  "$HTTPBIN/bin/pip" install --quiet --no-deps --disable-pip-version-check --requirement "$wanted" ||
    fail "httpbin could not be installed." "make setup-tests"
  # Only the source package has the tests.
  "$HTTPBIN/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$HTTPBIN/source" "requests==$REQUESTS" ||
    fail "The tests of requests could not be downloaded." "make setup-tests"
  mkdir -p "$HTTPBIN/requests"
  tar -xzf "$HTTPBIN/source/requests-$REQUESTS.tar.gz" --strip-components=1 --directory "$HTTPBIN/requests" \
    "requests-$REQUESTS/tests" "requests-$REQUESTS/requirements-dev.txt"
  cp "$wanted" "$HTTPBIN/.installed"
}

for_tests() {
  [ "$(node_major)" -ge "$NODE_TO_TEST" ] || fail "Node.js $(node --version) is too old for the browser tests: they need $NODE_TO_TEST or newer. Install a newer one."
  if [ -z "${CHROMIUM:-}" ] && ! has chromium; then install_packages "Chromium (for the browser tests)" chromium fonts-liberation; fi
  if [ -z "$(tools/postgres.sh bin)" ]; then
    # The tests start a server of their own; the machine shall not run one because of us.
    local drop_in=/etc/postgresql-common/createcluster.d/countersign.conf
    install_packages "PostgreSQL's common files" postgresql-common
    mkdir -p "$(dirname "$drop_in")"
    echo "create_main_cluster = false" >"$drop_in"
    install_packages "PostgreSQL (for running the tests on it)" postgresql
    rm -f "$drop_in"
  fi
  has valgrind || install_packages "valgrind (counts the instructions of a decision)" valgrind
  httpbin_and_clients
}

compiler
node_and_npm
build_tools
if [ "${1:-}" = --tests ]; then for_tests; fi
