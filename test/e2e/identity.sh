#!/bin/bash
# Are answers the same, byte for byte, whatever the weight budget?
#
#   test/e2e/identity.sh [RUNS]      20 unless told; needs test/tools/venv.sh
#
# resnet50 and mobilenet_v2, budgets of 2, 4, 8, 16 MiB and all, 1 and 2
# threads, each RUNS times. Bazel runs it with the binaries beside it; by hand
# it builds them first.
set -euo pipefail

if [ -z "${TEST_TMPDIR:-}" ]; then
  cd "$(dirname "$(readlink -f "$0")")/../.."
  deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl
  bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
  export LAYERD=$bin/daemon/layerd LAYERCTL=$bin/daemon/ctl/layerctl
fi
python=$(test/tools/venv.sh)
exec "$python" -B test/e2e/identity.py "$@"
