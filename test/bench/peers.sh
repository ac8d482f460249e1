#!/bin/bash
# Compares layerd with ONNX Runtime, OpenVINO and ncnn: see peers.py, which has
# the options. Builds what it needs, and makes a Python environment for them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
deploy/bazel.sh build //daemon/ctl:layerctl //test/bench:contender >&2
python=$(test/tools/venv.sh bench)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" "$here/peers.py" --layerctl bazel-bin/daemon/ctl/layerctl \
  --contender bazel-bin/test/bench/contender --work "$work" "$@"
