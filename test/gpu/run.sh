#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU; the last line is "N passed, N failed".
#
#   test/gpu/run.sh [FOLDER]
#
# Builds the checks with --config=cuda, or takes them from FOLDER (gpu_check and
# gpu_models, copied from another machine; layerctl and liblayerd_cuda.so too,
# for the comparison). Runs both, under compute-sanitizer as well, and compares
# speed with PyTorch (torch and torchvision of $PYTHON, default python3). What is
# not there is SKIPPED, with the reason. Ends with a table for RESULTS.md. Exits
# 3 if there is no GPU.
set -euo pipefail
# Its test says where: there this file may be a link out of the sandbox.
cd "${LAYERD_TOP_FOLDER:-$(dirname "$(readlink -f "$0")")/../..}"

case "${1:-}" in
  --help | -h) sed -n '2,12s/^# \{0,1\}//p' test/gpu/run.sh; exit 0 ;;
  -*) echo "run.sh: unknown option $1" >&2; exit 2 ;;
  '')
    deploy/bazel.sh build --config=cuda //kernels/cuda:gpu_check \
      //test/gpu:gpu_models //daemon/ctl:layerctl \
      //kernels/cuda:liblayerd_cuda.so
    check=bazel-bin/kernels/cuda/gpu_check
    models=bazel-bin/test/gpu/gpu_models
    layerctl=bazel-bin/daemon/ctl/layerctl
    ;;
  *) check=$1/gpu_check models=$1/gpu_models layerctl=$1/layerctl ;;
esac

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

# Runs a check, shows what it says, keeps its rows, adds what its last line
# counts. Returns what it returns.
run() {
  local log status=0
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
    echo "wrong: $1 ended without a count" | tee -a "$table"
    failed=$((failed + 1))
  fi
  rm -f "$log"
}

# The same under compute-sanitizer: one more that passes or fails.
sanitize() {
  local tool=$1 status=0
  shift
  echo "== compute-sanitizer --tool $tool $*"
  compute-sanitizer --tool "$tool" --error-exitcode 1 "$@" || status=$?
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
  said=$("${PYTHON:-python3}" test/gpu/torch_peer.py --check 2>&1) || status=$?
  if [ "$status" != 0 ]; then
    skip 'speed against PyTorch' "${said##*$'\n'}"
    return
  fi
  run "${PYTHON:-python3}" test/gpu/torch_peer.py --layerctl "$layerctl"
}

date -u '+%Y-%m-%d %H:%M UTC' | tee -a "$table"
{ nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader \
    2>/dev/null || echo 'nvidia-smi is not there'; } | tee -a "$table"
run "$check" || exit 3
run "$models" || exit 3
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
