#!/bin/bash
# Do networks that others trained answer right?
#
#   test/models/trained.sh FOLDER [NAME...]
#
# FOLDER has NAME/model.onnx and NAME/test_data_set_K/ with input_K.pb and
# output_K.pb (or .npy), the layout of the ONNX backend tests. Shapes that a
# model leaves free are bound by the data. Each data set is asked of `layerctl
# run` under the smallest weight budget that will do, and of layerd with a
# model.yaml for its shapes. Of a table that is read by row a token may read two
# tiles. The last line is "N passed, N failed".
set -euo pipefail
[ $# -gt 0 ] || { sed -n '4,11s/^# \{0,1\}//p' "$0"; exit 2; }
folder=$(readlink -f "$1")
shift
cd "$(dirname "$(readlink -f "$0")")/../.."
deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl
bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
export LAYERD=$bin/daemon/layerd LAYERCTL=$bin/daemon/ctl/layerctl
python=$(test/tools/venv.sh)
exec "$python" -B test/e2e/trained.py "$folder" "$@"
