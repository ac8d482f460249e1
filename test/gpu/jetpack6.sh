#!/usr/bin/env bash
# Does the backend need nothing that JetPack 6 lacks? Everything of kernels/cuda
# and test/gpu is built with CUDA 12.6 and cuDNN 9.3, for Orin, and tested on
# the twin with their headers; the last line is "N passed, N failed".
#
#   test/gpu/jetpack6.sh [BAZEL FLAGS]
#
# A download of 1.1 GB the first time (deploy/install_cuda.sh --jetpack6). What
# is in bazel-bin afterwards is for JetPack 6, until the next build.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

case "${1:-}" in
  --help | -h) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
deploy/install_cuda.sh --jetpack6
export CUDA_PATH=${XDG_CACHE_HOME:-$HOME/.cache}/layerd-cuda/jetpack6
export CUDA_ARCHS=87
"$CUDA_PATH/bin/ptxas" --version | tail -n 1
# Networks of true size are nothing new to a compiler.
exec test/run.sh --no-install "$@" //kernels/cuda/... //test/gpu/... \
  -//test/gpu:twin_networks_test
