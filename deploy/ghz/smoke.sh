#!/usr/bin/env bash
# A short load test by ghz, a client that is not ours: fails when any call
# fails, and prints how long calls took.
#
#   deploy/ghz/smoke.sh [--address HOST:PORT] [-n CALLS] [-c CLIENTS] [-o FILE]
#
#   --address  a running layerd that serves `digits`; without it, one is built
#              and started for the test, on a free port, and ended after it
#   -n, -c     2000 calls by 4 clients, unless told
#   -o         keep ghz's own JSON report
#
# ghz v0.120.0 is built from its Go module at the first call, into
# $LAYERD_GHZ_CACHE, else ~/.cache/layerd-ghz. Exit status: 0 all calls were
# answered; 1 some were not; 2 usage; 3 there is no Go 1.23 or newer to build
# ghz with. Latencies say something only beside others of the same machine.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

version=v0.120.0
address=
calls=2000
clients=4
report=
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) sed -n '2,17s/^# \{0,1\}//p' deploy/ghz/smoke.sh; exit 0 ;;
    --address | -n | -c | -o)
      [ $# -ge 2 ] || { echo "smoke: $1 needs a value" >&2; exit 2; }
      case "$1" in
        --address) address=$2 ;;
        -n) calls=$2 ;;
        -c) clients=$2 ;;
        -o) report=$2 ;;
      esac
      shift ;;
    *) echo "smoke: unknown option $1; --help lists them" >&2; exit 2 ;;
  esac
  shift
done

cache=${LAYERD_GHZ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/layerd-ghz}
ghz=$cache/$version/ghz

go_is_new_enough() {
  local minor
  minor=$(go version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p')
  [ -n "$minor" ] && [ "$minor" -ge 23 ]
}

if ! [ -x "$ghz" ]; then
  if ! go_is_new_enough; then
    echo "smoke: ghz $version is built with Go 1.23 or newer; here is" \
      "$(go version 2>/dev/null || echo none)" >&2
    exit 3
  fi
  echo "smoke: building ghz $version into $cache" >&2
  GOBIN=$cache/$version GOTOOLCHAIN=local GOFLAGS=-modcacherw \
    go install "github.com/bojand/ghz/cmd/ghz@$version"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/layerd-ghz.XXXXXX")
daemon=
finish() {
  [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon"; } || true
  rm -rf "$work"
}
trap finish EXIT

if [ -z "$address" ]; then
  deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl
  bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
  mkdir -p "$work/models/digits/1"
  cp test/models/digits/digits.onnx "$work/models/digits/1/model.onnx"
  mkfifo "$work/out"
  "$bin/daemon/layerd" --repository "$work/models" --cache "$work/cache" \
    --listen 127.0.0.1:0 --weight-budget 107KiB --log-level warning \
    >"$work/out" &
  daemon=$!
  read -r _ _ _ address _ <"$work/out" || true
  [ -n "$address" ] || { echo "smoke: layerd did not start" >&2; exit 1; }
fi

report=${report:-$work/report.json}
python3 -B deploy/ghz/digit_request.py >"$work/request"
"$ghz" --insecure -i proto --proto proto/open_inference.proto \
  --call inference.GRPCInferenceService/ModelInfer -B "$work/request" \
  -n "$calls" -c "$clients" -O json -o "$report" "$address"
python3 -B deploy/ghz/gate.py "$report" "$calls"
