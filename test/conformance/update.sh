#!/bin/bash
# Runs all cases and writes down what passes: expected_passes.txt, which only
# grows, and RESULTS.md.
#
#   test/conformance/update.sh [recent]
#   test/conformance/update.sh [recent] NAME...    # writes nothing, says how
#                                                  # each went
#
# recent: the cases of the onnx package, and the lists in recent/.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
cases=/usr/share/libonnx-testdata/data
lists=test/conformance
if [ "${1:-}" = recent ]; then
  shift
  lists=$lists/recent
  cases=$(mktemp -d)
  trap 'rm -rf "$cases"' EXIT
  "$(test/tools/venv.sh)" -B -W ignore $lists/write_cases.py "$cases"
fi
deploy/bazel.sh build //test/conformance
bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
if [ $# -gt 0 ]; then words=("$@"); else words=(--update); fi
status=0
"$bin/test/conformance/conformance" "$cases" "$lists" "${words[@]}" || status=$?
sed -i "s|$cases/||g" "$lists/RESULTS.md"  # Of the folder nothing is known later.
exit $status
