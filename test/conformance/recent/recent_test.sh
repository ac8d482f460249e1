#!/bin/bash
# The same of the cases that the onnx package has and Debian's data has not.
set -euo pipefail
"$(test/tools/venv.sh)" -B -W ignore test/conformance/recent/write_cases.py \
  "$TEST_TMPDIR/cases"
exec "$1" "$TEST_TMPDIR/cases" test/conformance/recent
