#!/usr/bin/env bash
# Builds and runs tests; the last line is "N passed, N failed", in test cases.
#
#   test/run.sh [--no-install] [--config asan|tsan] [BAZEL FLAGS] [TARGETS]
#
# TARGETS are Bazel's, by default //... (everything). --no-install leaves the
# system's packages alone. Exits 1 if anything failed, the build included.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

install=yes
flags=()
# CUDA targets where a toolkit is; for the two boards, which is what compiles
# fastest.
cuda_toolkit() {
  local path
  for path in "${CUDA_PATH:-}" "${CUDA_HOME:-}" /usr/local/cuda \
    "${XDG_CACHE_HOME:-$HOME/.cache}/layerd-cuda/toolkit"; do
    if [ -n "$path" ] && [ -x "$path/bin/nvcc" ]; then return 0; fi
  done
  return 1
}
targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) sed -n '2,8s/^# \{0,1\}//p' test/run.sh; exit 0 ;;
    --no-install) install=no ;;
    --config) flags+=("--config=${2:?--config needs a name}"); shift ;;
    --*) flags+=("$1") ;;
    *) targets+=("$1") ;;
  esac
  shift
done
[ ${#targets[@]} -gt 0 ] || targets=(//...)

if [ "$install" = yes ] && ! deploy/install_packages.sh; then
  echo "0 passed, 1 failed"
  exit 1
fi

if cuda_toolkit; then
  flags+=(--config=cuda)
  export CUDA_ARCHS=${CUDA_ARCHS:-87,110}
else
  echo "CUDA tests not built"
fi

events=$(mktemp)
trap 'rm -f "$events"' EXIT
bazel_exit=0
deploy/bazel.sh test --keep_going --build_event_json_file="$events" \
  "${flags[@]}" -- "${targets[@]}" || bazel_exit=$?
/usr/bin/python3 -B test/count_cases.py "$events" "$bazel_exit"
