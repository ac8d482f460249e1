#!/usr/bin/env bash
# Makes a CUDA toolkit with cuDNN and cuBLAS out of NVIDIA's Python wheels, for
# machines that have none: enough to compile, to link and to test on the twin.
#
#   deploy/install_cuda.sh [DIR]
#
# DIR is by default $XDG_CACHE_HOME/layerd-cuda/toolkit or
# ~/.cache/layerd-cuda/toolkit, where the build looks by itself; for another
# one say CUDA_PATH=DIR. A download of 866 MB, 1.3 GB on disk. With a toolkit
# in /usr/local/cuda, or in DIR already, it does nothing.
set -euo pipefail

toolkit='cuda-toolkit[nvcc,nvvm,crt,cudart,cccl,cublas]==13.0.2'
cudnn='nvidia-cudnn-cu13==9.19.0.56'

case "${1:-}" in
  --help | -h) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
  -*) echo "install_cuda: unknown option $1" >&2; exit 2 ;;
esac
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}
dir=${1:-$cache/layerd-cuda/toolkit}
stamp="$toolkit $cudnn"

if [ $# = 0 ] && [ -x /usr/local/cuda/bin/nvcc ]; then
  echo "CUDA: /usr/local/cuda is there."
  exit 0
fi
if [ "$(cat "$dir/layerd_made_of" 2>/dev/null)" = "$stamp" ]; then
  echo "CUDA: $dir is there."
  exit 0
fi
if [ -e "$dir" ] && [ ! -e "$dir/layerd_made_of" ]; then
  echo "install_cuda: $dir is there and was not made by me; name another." >&2
  exit 1
fi

mkdir -p "$(dirname "$dir")"
site=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$site"' EXIT
python3 -m venv "$site/venv"
# Every extra is named: without nvvm and crt pip takes their newest version,
# which this nvcc does not understand.
"$site/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  --no-cache-dir --only-binary=:all: --target "$site/wheels" \
  "$toolkit" "$cudnn"

made=$site/made
mv "$site/wheels/nvidia/cu13" "$made"
cp -al "$site/wheels/nvidia/cudnn/include/." "$made/include/"
cp -al "$site/wheels/nvidia/cudnn/lib/." "$made/lib/"
ln -s lib "$made/lib64"
# The wheels hold versioned names only.
(cd "$made/lib" && for file in lib*.so.*; do
  ln -sf "$file" "${file%%.so.*}.so"
done)
printf '%s\n' "$stamp" >"$made/layerd_made_of"
rm -rf "$dir"
mv "$made" "$dir"
echo "CUDA: made $dir."
