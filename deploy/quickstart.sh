#!/usr/bin/env bash
# Builds layerd and shows it at work: a small network that reads handwritten
# digits answers over gRPC while a quarter of its weights, at most, is in
# memory; then once more with all of them resident.
#
#   deploy/quickstart.sh [--no-install] [--keep]
#
#   --no-install  leave the system's packages alone
#   --keep        leave the first daemon running, and say how to talk to it
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

install=yes
keep=no
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) sed -n '2,10s/^# \{0,1\}//p' deploy/quickstart.sh; exit 0 ;;
    --no-install) install=no ;;
    --keep) keep=yes ;;
    *) echo "quickstart: unknown option $1; --help lists them" >&2; exit 2 ;;
  esac
  shift
done

say() { printf '\n== %s\n' "$*"; }

[ "$install" = no ] || deploy/install_packages.sh --to-build

say "Building layerd and layerctl"
deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl
bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
layerd=$bin/daemon/layerd
layerctl=$bin/daemon/ctl/layerctl

work=$(mktemp -d "${TMPDIR:-/tmp}/layerd-quickstart.XXXXXX")
address=unix:$work/layerd.sock
daemon=
finish() {
  [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon"; } || true
  rm -rf "$work"
}
trap finish EXIT

say "Packing the digits network: ONNX in, layer file out"
mkdir -p "$work/models/digits/1"
"$layerctl" pack test/models/digits/digits.onnx \
  -o "$work/models/digits/1/model.layers"
weights=$("$layerctl" inspect --json "$work/models/digits/1/model.layers" |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["weight_bytes"])')

# start BUDGET: a daemon at $address, its pid in $daemon.
start() {
  : >"$work/out"
  "$layerd" --repository "$work/models" --listen "$address" \
    --weight-budget "$1" --log-level warning >"$work/out" &
  daemon=$!
  "$layerctl" status --wait 30 --address "$address" >/dev/null || {
    echo "quickstart: layerd did not become ready" >&2
    exit 1
  }
}

stop() {
  kill "$daemon"
  wait "$daemon"
  daemon=
}

# ask NAME: ten handwritten digits, one request each, into $work/NAME.
ask() {
  local digit
  for digit in 0 1 2 3 4 5 6 7 8 9; do
    "$layerctl" infer digits "test/models/digits/samples/d$digit.npy" \
      --output "$work/y.npy" --json --address "$address" >"$work/$1-$digit"
    mv "$work/y.npy" "$work/$1-$digit.npy"
  done
  "$layerctl" status --json --address "$address" >"$work/$1-status"
  python3 deploy/quickstart_table.py "$work" "$1"
}

say "Ten handwritten digits over gRPC, a quarter of the weights in memory"
start $((weights / 4))
ask streamed
if [ "$keep" = yes ]; then
  trap - EXIT
  say "The daemon stays (process $daemon). Talk to it:"
  quoted=$(printf '%q ' "$layerctl")
  cat <<TEXT
  ${quoted}status --address $(printf %q "$address")
  ${quoted}infer digits test/models/digits/samples/d7.npy --top 3 --address $(printf %q "$address")
  kill $daemon        # drains and ends it; then rm -r $(printf %q "$work")
TEXT
  exit 0
fi
stop

say "The same digits with everything resident"
start all
ask resident
stop

for digit in 0 1 2 3 4 5 6 7 8 9; do
  cmp "$work/streamed-$digit.npy" "$work/resident-$digit.npy"
done
say "Both runs gave the same bytes for every digit. Nothing was left running."
