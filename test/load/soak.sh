#!/usr/bin/env bash
# Everything at once, for as long as one likes: do answers stay right, and does
# memory come back? What is done and looked at: soak.py. Exits 1 if anything was
# wrong.
#
#   test/load/soak.sh [--seconds N] [--seed N] [--threads N]
#       [--level-order fifo|edf] [--progress] [--config asan|tsan]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

options=()
config=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) sed -n '2,7s/^# \{0,1\}//p' test/load/soak.sh; exit 0 ;;
    --config) config=(--config "${2:?--config needs a name}"); shift ;;
    *) options+=("$1") ;;
  esac
  shift
done

deploy/bazel.sh build "${config[@]}" //daemon:layerd //daemon/ctl:layerctl
bin=$(deploy/bazel.sh info "${config[@]}" bazel-bin 2>/dev/null)
export LAYERD=$bin/daemon/layerd LAYERCTL=$bin/daemon/ctl/layerctl
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:suppressions=$PWD/test/load/tsan.supp
PYTHON=$(test/tools/venv.sh)
export PYTHON
"$PYTHON" -B test/load/soak.py "${options[@]}"
