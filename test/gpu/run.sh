#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU; the last line is "N passed, N failed".
#
#   test/gpu/run.sh [FOLDER]
#
# Builds the checks with --config=cuda, or takes them from FOLDER (gpu_check and
# gpu_models, copied from another machine). Runs both, under compute-sanitizer
# as well where that is installed. Exits 3 if there is no GPU.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

case "${1:-}" in
  --help | -h) sed -n '2,8s/^# \{0,1\}//p' test/gpu/run.sh; exit 0 ;;
  -*) echo "run.sh: unknown option $1" >&2; exit 2 ;;
  '')
    deploy/bazel.sh build --config=cuda \
      //kernels/cuda:gpu_check //test/gpu:gpu_models
    check=bazel-bin/kernels/cuda/gpu_check
    models=bazel-bin/test/gpu/gpu_models
    ;;
  *) check=$1/gpu_check models=$1/gpu_models ;;
esac

passed=0
failed=0

# Runs a check, shows what it says, adds what its last line counts.
run() {
  local log status=0
  log=$(mktemp)
  echo "== $*"
  "$@" 2>&1 | tee "$log" || status=$?
  if [ "$status" = 3 ]; then rm -f "$log"; exit 3; fi
  if [[ "$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)" \
        =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    [ "$status" = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
  else
    failed=$((failed + 1))
  fi
  rm -f "$log"
}

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv \
  2>/dev/null || echo "nvidia-smi is not there"
run "$check"
run "$models"
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    run compute-sanitizer --tool "$tool" --error-exitcode 1 "$check"
  done
else
  echo "compute-sanitizer is not there: memcheck and racecheck did not run"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
