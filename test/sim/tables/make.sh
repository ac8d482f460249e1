#!/usr/bin/env bash
# Makes the networks of test/models at true size, packs them with extents of 256
# KiB, and writes their part tables beside this script.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../../.."

deploy/bazel.sh build //daemon/ctl:layerctl //test/sim:write_part_table
bin=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
work=$(mktemp -d "${TMPDIR:-/tmp}/layerd-tables.XXXXXX")
trap 'rm -rf "$work"' EXIT
for name in alexnet vgg16 resnet50 resnet152 resnet152_608 densenet201 \
  densenet201_608 yolov4_608 mobilenet_v2 vit_b_16 bert_base; do
  folder=$(test/models/make.sh "$name")
  "$bin/daemon/ctl/layerctl" pack "$folder/model.onnx" -o "$work/one.layers" \
    --extent-bytes-max 256KiB >/dev/null
  "$bin/test/sim/write_part_table" "$work/one.layers" \
    >"test/sim/tables/$name.csv"
done
