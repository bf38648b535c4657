#!/usr/bin/env bash
# What must not be in the repository: unfinished code, places on somebody's machine, large files, broken scripts.
source "$(dirname "$0")/env.sh"

problems=0
files=$(git ls-files --cached --others --exclude-standard | while read -r file; do [ -f "$file" ] && printf '%s\n' "$file"; done)

# bar SENTENCE PATTERN [FILES…]: no line of these files may match.
bar() {
  local sentence=$1 pattern=$2 found
  shift 2
  [ $# -gt 0 ] || return 0
  if found=$(grep -nIHE -- "$pattern" "$@"); then
    printf '%s\n%s\n' "${RED}✗ $sentence${PLAIN}" "$found" >&2
    problems=$((problems + 1))
  fi
}

mapfile -t all < <(grep -vE '^(Cargo\.lock|LICENSE-.*|.*\.(woff2|png|svg|ico))$' <<<"$files")
mapfile -t rust < <(grep -E '\.rs$' <<<"$files")
mapfile -t scripts < <(grep -E '\.sh$|^\.ci/run$' <<<"$files")
mapfile -t modules < <(grep -E '\.m?js$' <<<"$files")
mapfile -t tests < <(grep -E '\.test\.mjs$' <<<"$files")

# Brackets in the patterns keep this file from finding itself.
bar "Unfinished code:" '\b(todo|unimplemented|dbg)[!]\(' "${rust[@]}"
bar "A place on somebody's machine:" '/[r]oot/|/[w]ork/|/[h]ome/[a-z]' "${all[@]}"
bar "A merge that was not finished:" '^(<{7}|>{7}|[|]{7}) ' "${all[@]}"
bar "A test that keeps others from running, or does not run:" '\b(test|it|describe)\.(only|skip)\(|[{ ](only|skip): true' "${tests[@]}"
mapfile -t safe < <(grep -vE '^server/request_logs/src/active\.rs$' <<<"$files" | grep -E '\.rs$')
bar "Unsafe code outside the one file that maps the spool:" '\b(unsafe[_]code|unsafe [{]|unsafe (fn|impl))' "${safe[@]}"
bar "An ignored test:" '#\[ignore' "${rust[@]}"
bar "The lock file names a host; versions and checksums are enough:" '"resolved"|https?://' package-lock.json server/measure/peers/node/package-lock.json
bar "A tab or a blank at the end of a line:" '[[:blank:]]+$' "${rust[@]}" "${scripts[@]}" "${modules[@]}" Makefile Cargo.toml

while read -r size file; do
  [ "$size" -le 1000000 ] || {
    printf '%s\n' "${RED}✗ $file has $size bytes; a megabyte is the most that belongs here.${PLAIN}" >&2
    problems=$((problems + 1))
  }
done < <(tr '\n' '\0' <<<"$files" | xargs -0 stat -c '%s %n')

for script in "${scripts[@]}"; do
  bash -n "$script" || problems=$((problems + 1))
  [ -x "$script" ] || [ "$script" = tools/env.sh ] || { printf '%s\n' "${RED}✗ $script cannot be run: chmod +x $script${PLAIN}" >&2; problems=$((problems + 1)); }
done
for module in "${modules[@]}"; do node --check "$module" || problems=$((problems + 1)); done

[ "$problems" = 0 ] || exit 1
note "$(wc -l <<<"$files") files"
