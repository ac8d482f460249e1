#!/usr/bin/env bash
# Builds every fuzzer and runs each for a while; the last line is
# "N passed, N failed", in fuzzers.
#
#   test/fuzz/run.sh [SECONDS] [NAME...]
#
# SECONDS is 30 by default, NAME is like layer_file_reader_fuzz. An input that
# breaks a fuzzer is kept, and the line that says so shows how to run it again.
# Exits 1 if anything failed, the build included.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

seconds=30
case "${1:-}" in
  --help | -h) sed -n '2,9s/^# \{0,1\}//p' test/fuzz/run.sh; exit 0 ;;
  [0-9]*) seconds=$1; shift ;;
esac

fail() {
  echo "$1"
  echo "0 passed, 1 failed"
  exit 1
}

bazel() { deploy/bazel.sh "$@"; }

flags=(--config=fuzz)
known=$(bazel query --noshow_progress 'kind(cc_binary, //test/fuzz:all)' \
  2> /dev/null | sort) || fail "FAILED: bazel query"
fuzzers=("$@")
[ ${#fuzzers[@]} -gt 0 ] ||
  mapfile -t fuzzers < <(sed -n 's|^//test/fuzz:\(.*_fuzz\)$|\1|p' <<< "$known")
seeders() { sed -n 's|^//test/fuzz:\(.*_seeds\)$|\1|p' <<< "$known"; }

mapfile -t targets < <(printf '//test/fuzz:%s\n' "${fuzzers[@]}" $(seeders))
bazel build "${flags[@]}" "${targets[@]}" || fail "FAILED: bazel build"
binaries=$(bazel info --noshow_progress "${flags[@]}" bazel-bin 2> /dev/null) ||
  fail "FAILED: bazel info"
binaries=$binaries/test/fuzz

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

for fuzzer in "${fuzzers[@]}"; do
  corpus=$scratch/$fuzzer
  log=$scratch/$fuzzer.log
  kept=$scratch/kept-$fuzzer-
  mkdir "$corpus"
  seeds=$binaries/${fuzzer%_fuzz}_seeds
  if [ -x "$seeds" ] && ! "$seeds" "$corpus"; then
    echo "FAILED: $fuzzer: its seeds"
    failed=$((failed + 1))
    continue
  fi
  begun=$(find "$corpus" -type f | wc -l)
  if "$binaries/$fuzzer" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$kept" "$corpus" > "$log" 2>&1; then
    passed=$((passed + 1))
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "passed: $fuzzer: $runs inputs in $seconds s," \
      "$begun seeds grew to $(find "$corpus" -type f | wc -l)"
  else
    failed=$((failed + 1))
    tail -60 "$log"
    echo "FAILED: $fuzzer"
    for input in "$kept"*; do
      [ -e "$input" ] || continue
      saved=${TMPDIR:-/tmp}/$(basename "${input#"$scratch"/kept-}")
      cp "$input" "$saved"
      echo "FAILED: $fuzzer: run it again with $binaries/$fuzzer $saved"
    done
  fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
