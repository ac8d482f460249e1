#!/bin/bash
# The comparison with PyTorch, rehearsed without a GPU: PyTorch computes on the
# CPU, layerctl on the twin. Debian's python3-torchvision has to be there.
set -u
layerctl=$1
export LAYERD_CUDA_LIBRARY=$PWD/$2
export XDG_CACHE_HOME=$TEST_TMPDIR/cache HOME=$TEST_TMPDIR
said=$(/usr/bin/python3 -B test/gpu/torch_peer.py --layerctl "$layerctl" \
  --device cpu --size 64 --runs 2 mobilenet_v2 resnet18 2>&1)
status=$?
echo "$said"
[ "$status" = 0 ] || exit 1
[[ "$said" == 'versions: PyTorch '* ]] || exit 1
for name in mobilenet_v2 resnet18; do
  grep -q "^| speed, f16, batch 1 | $name | layerd .* | right |$" <<< "$said" ||
    exit 1
done
[ "${said##*$'\n'}" = '2 passed, 0 failed' ]
