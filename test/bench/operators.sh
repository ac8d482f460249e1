#!/bin/bash
# Compares single operators with ONNX Runtime's: see operators.py, which has the
# options. Builds what it needs, and makes a Python environment for them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
deploy/bazel.sh build //daemon/ctl:layerctl //test/bench:contender \
  //test/bench:part_times >&2
python=$(test/tools/venv.sh bench)
exec "$python" -B "$here/operators.py" \
  --layerctl bazel-bin/daemon/ctl/layerctl \
  --contender bazel-bin/test/bench/contender \
  --part-times bazel-bin/test/bench/part_times "$@"
