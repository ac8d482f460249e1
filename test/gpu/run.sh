#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU; the last line is "N passed, N failed".
#
#   test/gpu/run.sh                   builds the checks with --config=cuda
#   test/gpu/run.sh --collect FOLDER  puts them into FOLDER instead, with all
#                                     that another machine may lack: copy it
#   FOLDER/run.sh FOLDER              there: takes them from FOLDER
#
# Runs gpu_check and gpu_models, under compute-sanitizer as well, and compares
# speed with PyTorch (torch and torchvision of $PYTHON, default python3). What is
# not there is SKIPPED, with the reason. Ends with a table for RESULTS.md. Exits
# 3 if there is no GPU.
set -euo pipefail
# Beside this file is torch_peer.py.
here=$(cd "$(dirname "$0")" && pwd)

build() {
  cd "$(dirname "$(readlink -f "$0")")/../.."
  deploy/bazel.sh build --config=cuda //kernels/cuda:gpu_check \
    //test/gpu:gpu_models //daemon/ctl:layerctl //kernels/cuda:liblayerd_cuda.so
  programs=("$PWD"/bazel-bin/{kernels/cuda/gpu_check,test/gpu/gpu_models}
    "$PWD"/bazel-bin/{daemon/ctl/layerctl,kernels/cuda/liblayerd_cuda.so})
}

# collect FOLDER PROGRAM...: with the libraries that they need in FOLDER/lib,
# but for NVIDIA's and the C library's.
collect() {
  local folder=$1
  shift
  mkdir -p "$folder/lib"
  cp -fL "$@" "$here/run.sh" "$here/torch_peer.py" "$folder/"
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(ld-|lib(c|m|dl|rt|pthread|resolv|cuda|cudart|cublas|cublasLt|cudnn)\.so)' |
    xargs -r cp -fLt "$folder/lib"
}

case "${1:-}" in
  --help | -h) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --collect)
    folder=$(realpath -m "${2:?--collect needs a folder}")
    shift 2
    programs=("$@")
    [ ${#programs[@]} -gt 0 ] || build
    collect "$folder" "${programs[@]}"
    echo "There: $folder/run.sh $folder"
    exit 0
    ;;
  -*) echo "run.sh: unknown option $1" >&2; exit 2 ;;
  '') build ;;
  *)
    folder=$(realpath "$1")
    programs=("$folder"/{gpu_check,gpu_models,layerctl})
    ;;
esac
check=${programs[0]} models=${programs[1]} layerctl=${programs[2]}

passed=0
failed=0
table=$(mktemp)
trap 'rm -f "$table"' EXIT

row() {
  echo "| $* |" | tee -a "$table"
}

skip() {
  row "SKIPPED: $1" "|" "$2"
}

# Ours, with the libraries that came along.
ours() {
  local lib
  lib=$(dirname "$check")/lib
  [ ! -d "$lib" ] || \
    local -x LD_LIBRARY_PATH=$lib:${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/cuda/lib64
  "$@"
}

# run NAME COMMAND...: runs a check, shows what it says, keeps its rows, adds
# what its last line counts. Returns what it returns.
run() {
  local log status=0 name=$1
  shift
  log=$(mktemp)
  echo "== $*"
  "$@" 2>&1 | tee "$log" || status=$?
  if [ "$status" = 3 ]; then rm -f "$log"; return 3; fi
  grep -E '^(\||versions:|wrong:)' "$log" >> "$table" || true
  if [[ "$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)" \
        =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    [ "$status" = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
  else
    echo "wrong: $name ended without a count" | tee -a "$table"
    failed=$((failed + 1))
  fi
  rm -f "$log"
}

# The same under compute-sanitizer: one more that passes or fails.
sanitize() {
  local tool=$1 status=0
  shift
  echo "== compute-sanitizer --tool $tool $*"
  ours compute-sanitizer --tool "$tool" --error-exitcode 1 "$@" || status=$?
  if [ "$status" = 0 ]; then
    passed=$((passed + 1))
    row "compute-sanitizer $tool" "|" "$(basename "$1")" "|" clean
  else
    failed=$((failed + 1))
    row "compute-sanitizer $tool" "|" "$(basename "$1")" "|" "exit $status"
  fi
}

speed() {
  local said status=0
  if [ ! -x "$layerctl" ]; then
    skip 'speed against PyTorch' "$layerctl is not there"
    return
  fi
  if ! said=$(ours "$layerctl" --help 2>&1); then
    skip 'speed against PyTorch' "layerctl does not start: ${said##*$'\n'}"
    return
  fi
  said=$("${PYTHON:-python3}" "$here/torch_peer.py" --check 2>&1) || status=$?
  if [ "$status" != 0 ]; then
    skip 'speed against PyTorch' "${said##*$'\n'}"
    return
  fi
  run torch_peer.py "${PYTHON:-python3}" "$here/torch_peer.py" --layerctl "$layerctl"
}

date -u '+%Y-%m-%d %H:%M UTC' | tee -a "$table"
{ nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader \
    2>/dev/null || echo 'nvidia-smi is not there'; } | tee -a "$table"
run gpu_check ours "$check" || exit 3
run gpu_models ours "$models" || exit 3
if command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck; do
    sanitize "$tool" "$check"
    sanitize "$tool" "$models" 1
  done
else
  skip 'memcheck and racecheck' 'compute-sanitizer is not there'
fi
speed

printf '\n== the table\n'
cat "$table"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
