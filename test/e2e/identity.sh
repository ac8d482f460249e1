#!/bin/bash
# Are answers the same, byte for byte, whatever the weight budget?
#
#   test/e2e/identity.sh [RUNS [NETWORK...]]
#
# The smallest budget that will do, 4, 8, 16 MiB and all, 1 and 2 threads, each
# RUNS times, once unless told; networks of test/models, all of true size unless
# told. Bazel runs it with the binaries beside it; by hand it builds them first.
set -euo pipefail

if [ -z "${TEST_TMPDIR:-}" ]; then
  cd "$(dirname "$(readlink -f "$0")")/../.."
  deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl
  bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
  export LAYERD=$bin/daemon/layerd LAYERCTL=$bin/daemon/ctl/layerctl
fi
runs=${1:-1}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- alexnet vgg16 resnet50 resnet152 densenet201 \
  mobilenet_v2 vit_b_16 bert_base resnet152_608 densenet201_608 yolov4_608
python=$(test/tools/venv.sh)
exec "$python" -B test/e2e/identity.py "$runs" "$@"
