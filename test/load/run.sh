#!/usr/bin/env bash
# The load scenarios of deploy/ghz on real networks: mobilenet_v2 is urgent,
# vgg16 and resnet152 the flood. Prints a row for each gate; exits 1 if one is shut.
#
#   test/load/run.sh [--seconds N] [--storm-calls N] [--config asan|tsan]
#       [SCENARIO...]
#
#   --seconds      of each load; 60 unless told
#   --storm-calls  that are cancelled; 100000 unless told
#   --config       of the layerd that is asked; what a sanitizer finds fails the
#                  scenario. For storm: times are those of the sanitizer
#   SCENARIO       urgent, overload, ramp, impossible, storm, idle; all unless
#                  told
#
# Latencies say something only on a machine that does nothing else. Exit status
# 3: there is no Go to build ghz with.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

options=()
config=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) sed -n '2,17s/^# \{0,1\}//p' test/load/run.sh; exit 0 ;;
    --seconds | --storm-calls)
      options+=("$1" "${2:?$1 needs a number}"); shift ;;
    --config) config=(--config "${2:?--config needs a name}"); shift ;;
    -*) echo "run: unknown option $1; --help lists them" >&2; exit 2 ;;
    *) options+=("$1") ;;
  esac
  shift
done

cache=${LAYERD_GHZ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/layerd-ghz}
ghz=$cache/v0.120.0/ghz
# smoke.sh builds ghz, and tells whether the daemon answers at all.
[ -x "$ghz" ] || deploy/ghz/smoke.sh -n 100

deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl
bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
export LAYERD=$bin/daemon/layerd LAYERCTL=$bin/daemon/ctl/layerctl
if [ ${#config[@]} -gt 0 ]; then
  deploy/bazel.sh build "${config[@]}" //daemon:layerd //daemon/ctl:layerctl
  asked=$(deploy/bazel.sh info "${config[@]}" bazel-bin 2>/dev/null)
  export LAYERD=$asked/daemon/layerd
  export TSAN_OPTIONS=ignore_noninstrumented_modules=1
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/layerd-load.XXXXXX")
trap 'rm -rf "$work"' EXIT
for model in mobilenet_v2 resnet152 vgg16; do
  folder=$(test/models/make.sh "$model")
  "$LAYERCTL" pack "$folder/model.onnx" -o "$work/$model.layers"
  # What admission predicts by.
  "$LAYERCTL" bench "$work/$model.layers" --budget 12MiB --threads 1 \
    --requests 5 --cache "$work/cache" >/dev/null
done
python3 -B deploy/ghz/scenarios.py --ghz "$ghz" --cache "$work/cache" \
  --urgent "$work/mobilenet_v2.layers" --flood "$work/resnet152.layers" \
  --flood "$work/vgg16.layers" \
  "${options[@]}"
