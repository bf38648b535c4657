#!/usr/bin/env bash
# A PostgreSQL server that lives as long as one command.
#   tools/postgres.sh run COMMAND…   runs the command with TEST_DATABASE_URL; the server and its data go with it
#   tools/postgres.sh bin            prints the folder of the server's programs, or nothing
source "$(dirname "$0")/env.sh"

# initdb is not on PATH on Debian: several versions may live beside each other.
programs() {
  if has initdb; then
    dirname "$(command -v initdb)"
  else
    find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname
  fi
}

run() {
  local bin dir port status=0
  bin=$(programs)
  [ -n "$bin" ] || fail "PostgreSQL is missing." "make setup-tests"

  # It refuses to run as root, so root lends it another name.
  local -a as=()
  dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-postgres.XXXXXX")
  if [ "$(id -u)" = 0 ]; then
    local user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$dir"
    as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
  fi
  stop() {
    "${as[@]}" "$bin/pg_ctl" --pgdata="$dir/data" --mode=immediate --silent stop >/dev/null 2>&1 || true
    rm -rf "$dir"
  }
  trap stop EXIT
  # A signal ends the script through the same door.
  trap 'exit 130' INT TERM HUP

  "${as[@]}" "$bin/initdb" --pgdata="$dir/data" --username=countersign --auth=trust --encoding=UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 || {
    cat "$dir/initdb.log" >&2
    fail "PostgreSQL could not create a cluster in $dir."
  }
  # Nothing of it survives the command, so nothing has to reach the disk.
  cat >>"$dir/data/postgresql.conf" <<CONF
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 300
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
CONF
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  "${as[@]}" "$bin/pg_ctl" --pgdata="$dir/data" --log="$dir/server.log" --options="-p $port" --wait --timeout=60 --silent start >/dev/null 2>&1 || {
    cat "$dir/server.log" >&2
    fail "PostgreSQL did not start."
  }
  note "$("$bin/postgres" --version), port $port, without fsync"
  export TEST_DATABASE_URL="postgres://countersign@127.0.0.1:$port/postgres"
  "$@" || status=$?
  exit "$status"
}

case "${1:-}" in
  bin) programs ;;
  run)
    shift
    run "$@"
    ;;
  *) fail "Unknown verb '${1:-}': tools/postgres.sh run COMMAND…, or tools/postgres.sh bin." ;;
esac
