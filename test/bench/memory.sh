#!/bin/bash
# What packing vgg16 takes, and what resnet50 takes with all weights resident,
# beside ONNX Runtime: see memory.py.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
deploy/bazel.sh build //daemon/ctl:layerctl >&2
python=$(test/tools/venv.sh)
vgg16=$(test/models/make.sh vgg16)
resnet50=$(test/models/make.sh resnet50)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -B "$here/memory.py" --layerctl bazel-bin/daemon/ctl/layerctl \
  --work "$work" --vgg16 "$vgg16/model.onnx" --resnet50 "$resnet50/model.onnx"
