#!/usr/bin/env bash
# Who may depend on whom (ARCHITECTURE.md), one TLS provider, one major version of what must not be there twice.
source "$(dirname "$0")/env.sh"

problems=0
problem() {
  printf '%s\n' "${RED}✗ $*${PLAIN}" >&2
  problems=$((problems + 1))
}

# reach PACKAGE [ARGUMENT…]: names of all that it is compiled with, itself left out.
reach() {
  local package=$1
  shift
  cargo tree --quiet --locked --package "$package" --edges normal --prefix none --format '{p}' "$@" |
    cut -d' ' -f1 | sort -u | grep -vx "$package"
}

ours=$(git ls-files --cached --others --exclude-standard '*/Cargo.toml' | xargs sed -n 's/^name = "\(.*\)"/\1/p' | sort -u)

# may PACKAGE "OURS…" "BARRED…" [ARGUMENT…]: of our crates it reaches these only, and none of the barred ones.
# A barred name stands for its family: leptos is also leptos_axum, sea-orm is also sea-orm-migration.
may() {
  local package=$1 allowed=$2 barred=$3 reached name
  shift 3
  reached=$(reach "$package" "$@")
  for name in $(comm -12 <(printf '%s\n' "$reached") <(printf '%s\n' "$ours")); do
    case " $allowed " in *" $name "*) ;; *) problem "$package reaches our crate $name. See: cargo tree -p $package -e normal -i $name $*" ;; esac
  done
  for name in $barred; do
    if grep -Eqx "$name([-_].*)?" <<<"$reached"; then
      problem "$package reaches $name, which it must not. See: cargo tree -p $package -e normal $* | grep $name"
    fi
  done
}

may contract "" "tokio axum leptos sea-orm"
may gateway "contract" "axum leptos sea-orm sqlx"
may request_logs "contract" "axum leptos sea-orm sqlx"
may measure "contract gateway request_logs" "axum leptos sea-orm sqlx"
may migrations "" "axum leptos"
may portal "contract migrations" "axum leptos hyper"
may testdb "migrations" "axum leptos"
may testpasskey "" "tokio axum leptos sea-orm"
may almanac "" "leptos sea-orm"
may app "contract portal migrations" "" --features ssr
may frontend "app contract" "axum sea-orm sqlx tokio hyper" --target wasm32-unknown-unknown

# The pages ask `portal`; none of them knows a table.
if cargo tree --quiet --locked --package app --features ssr --edges normal --depth 1 --prefix none | grep -Eq '^(sea-orm|sqlx)'; then
  problem "app depends on the database directly; a verb of portal is what it may call."
fi
# One module of the pages exists on the server only, and nothing else is compiled differently on both sides.
features=$(grep -rnE 'cfg(_attr|!)?\(.*feature' app/src || true)
if [ "$(grep -c . <<<"$features")" != 1 ] || ! grep -A1 -E 'cfg\(feature = "ssr"\)' app/src/lib.rs | grep -q 'pub mod backend;'; then
  problem "app/src may ask for a feature in one place, above \`pub mod backend;\` in lib.rs. It does here:"
  printf '%s\n' "$features" >&2
fi
# axum is for that module alone.
if strays=$(grep -rnE '\baxum::|leptos_axum' app/src --include='*.rs' | grep -v '^app/src/backend'); then
  problem "app uses axum outside backend.rs:"
  printf '%s\n' "$strays" >&2
fi

everything=$(cargo tree --quiet --locked --workspace --target all --edges normal,build,dev --prefix none --format '{p}' | cut -d' ' -f1,2 | sort -u)
for name in aws-lc-sys aws-lc-rs openssl-sys native-tls; do
  if grep -q "^$name " <<<"$everything"; then problem "$name is in the graph; TLS is rustls with ring. See: cargo tree --workspace --target all -i $name"; fi
done
doubles=$(cut -d' ' -f1 <<<"$everything" | sort | uniq -d | grep -Ex 'leptos.*|sqlx.*|sea-orm.*|libsqlite3-sys|wasm-bindgen|rustls|tokio|axum' || true)
for name in $doubles; do
  problem "Two versions of $name: $(grep "^$name " <<<"$everything" | cut -d' ' -f2 | tr '\n' ' '). See: cargo tree --workspace -d"
done

[ "$problems" = 0 ] || exit 1
note "$(wc -w <<<"$ours") crates of ours, $(wc -l <<<"$everything") in all; every one reaches only what it may"
