#!/bin/bash
# Runs all cases and writes down what passes: expected_passes.txt, which only
# grows, and RESULTS.md.
#
#   test/conformance/update.sh
#   test/conformance/update.sh NAME...    # writes nothing, says how each went
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
deploy/bazel.sh build //test/conformance
bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
if [ $# -gt 0 ]; then words=("$@"); else words=(--update); fi
exec "$bin/test/conformance/conformance" /usr/share/libonnx-testdata/data \
  test/conformance "${words[@]}"
