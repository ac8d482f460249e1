#!/usr/bin/env bash
# Makes a CUDA toolkit with cuDNN and cuBLAS out of NVIDIA's Python wheels, for
# machines that have none: enough to compile, to link and to test on the twin.
#
#   deploy/install_cuda.sh [--jetpack6] [DIR]
#
# DIR is by default $XDG_CACHE_HOME/layerd-cuda/toolkit or
# ~/.cache/layerd-cuda/toolkit, where the build looks by itself; for another
# one say CUDA_PATH=DIR. A download of 866 MB, 1.3 GB on disk. With a toolkit
# in /usr/local/cuda, or in DIR already, it does nothing.
#
# --jetpack6 makes one of what JetPack 6 has, CUDA 12.6 and cuDNN 9.3, in
# .../layerd-cuda/jetpack6: test/gpu/jetpack6.sh builds with it. The wheels of
# CUDA 12 lack nvcc's front half, so that is of CUDA 12.4, which is older: from
# Debian 13's package (without installing it). A download of 1.1 GB.
set -euo pipefail

name=toolkit
wheels=('cuda-toolkit[nvcc,nvvm,crt,cudart,cccl,cublas]==13.0.2'
  'nvidia-cudnn-cu13==9.19.0.56')
dir=
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) sed -n '2,16s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --jetpack6)
      name=jetpack6
      wheels=(nvidia-cuda-nvcc-cu12==12.6.68 nvidia-cuda-runtime-cu12==12.6.68
        nvidia-cuda-cccl-cu12==12.6.37 nvidia-cublas-cu12==12.6.1.4
        nvidia-cudnn-cu12==9.3.0.75)
      ;;
    -*) echo "install_cuda: unknown option $1" >&2; exit 2 ;;
    *) dir=$1 ;;
  esac
  shift
done

if [ "$name" = toolkit ] && [ -z "$dir" ] && [ -x /usr/local/cuda/bin/nvcc ]; then
  echo "CUDA: /usr/local/cuda is there."
  exit 0
fi
dir=${dir:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/layerd-cuda/$name}
stamp=${wheels[*]}
if [ "$(cat "$dir/layerd_made_of" 2>/dev/null)" = "$stamp" ]; then
  echo "CUDA: $dir is there."
  exit 0
fi
if [ -e "$dir" ] && [ ! -e "$dir/layerd_made_of" ]; then
  echo "install_cuda: $dir is there and was not made by me; name another." >&2
  exit 1
fi

# Debian's Python makes no environment without this package.
python3 -c 'import ensurepip' 2>/dev/null ||
  "$(dirname "$0")/install_packages.sh"
mkdir -p "$(dirname "$dir")"
site=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$site"' EXIT
made=$site/made

# Adds what is in a folder to what is made.
add() {
  mkdir -p "$2"
  cp -al "$1/." "$2/"
}

# pip_install FLAG...: the wheels into $site/wheels.
pip_install() {
  python3 -m venv "$site/venv"
  "$site/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-cache-dir --only-binary=:all: --target "$site/wheels" "$@" "${wheels[@]}"
}

# nvcc without its back end, out of Debian 13's package, from where this machine
# has its packages from.
add_front_half() {
  local apt=$site/apt mirror
  mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' |
    awk '$1 == "Debian" { print $2; exit }') || true
  if [ -z "$mirror" ]; then
    echo "install_cuda: --jetpack6 takes nvcc from Debian: this is none." >&2
    exit 1
  fi
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  echo "deb $mirror trixie non-free" > "$apt/sources.list"
  local flags=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list"
    -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists"
    -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
  apt-get "${flags[@]}" update
  (cd "$apt" && apt-get "${flags[@]}" download nvidia-cuda-toolkit)
  dpkg-deb -x "$apt"/nvidia-cuda-toolkit_*.deb "$apt/x"
  local inner=$apt/x/usr/lib/nvidia-cuda-toolkit
  mkdir -p "$made/nvvm/bin"
  cp "$inner/bin/nvcc" "$apt/x/usr/bin/"{cudafe++,fatbinary,nvlink} "$made/bin/"
  cp "$inner/bin/cicc" "$made/nvvm/bin/"
  cat > "$made/bin/nvcc.profile" << 'END'
TOP                = $(_HERE_)/..
CICC_PATH          = $(TOP)/nvvm/bin
NVVMIR_LIBRARY_DIR = $(TOP)/nvvm/libdevice
PATH              += $(TOP)/nvvm/bin:$(_HERE_):
INCLUDES          += "-I$(TOP)/include" $(_SPACE_)
LIBRARIES         =+ $(_SPACE_) "-L$(TOP)/lib"
END
  chmod +x "$made/bin/ptxas"
}

if [ "$name" = toolkit ]; then
  # Every extra is named: without nvvm and crt pip takes their newest version,
  # which this nvcc does not understand.
  pip_install
  mv "$site/wheels/nvidia/cu13" "$made"
else
  pip_install --no-deps
  for part in cuda_nvcc cuda_runtime cuda_cccl cublas; do
    add "$site/wheels/nvidia/$part" "$made"
  done
  add_front_half
fi
add "$site/wheels/nvidia/cudnn/include" "$made/include"
add "$site/wheels/nvidia/cudnn/lib" "$made/lib"
ln -s lib "$made/lib64"
# The wheels hold versioned names only.
(cd "$made/lib" && for file in lib*.so.*; do
  ln -sf "$file" "${file%%.so.*}.so"
done)
printf '%s\n' "$stamp" >"$made/layerd_made_of"
rm -rf "$dir"
mv "$made" "$dir"
echo "CUDA: made $dir."
