#!/usr/bin/env bash
# Bazel as our scripts call it: deploy/bazel.sh COMMAND [FLAGS] [TARGETS]
#
#   BAZEL              the program; default bazel
#   LAYERD_BAZEL_ROOT  where it keeps its output; default ~/.cache/bazel
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

startup=()
if [ -n "${LAYERD_BAZEL_ROOT:-}" ]; then
  mkdir -p "$LAYERD_BAZEL_ROOT"
  startup+=("--output_user_root=$LAYERD_BAZEL_ROOT")
fi

# Bazel's sandbox needs namespaces, which many containers do not grant.
flags=()
if ! unshare --user --map-root-user --mount --pid --fork true 2>/dev/null; then
  flags+=("--spawn_strategy=processwrapper-sandbox,local")
fi

# A compiler may take a GiB (gRPC's headers): no more of them than there is
# memory for, unless somebody said how many.
fit=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)
if [ "${fit:-0}" -lt "$(nproc)" ] && ! grep -qs -- --jobs user.bazelrc; then
  flags+=("--jobs=$((fit > 1 ? fit : 1))")
fi

# Locked memory is counted for all processes of a user: tests that run beside
# each other would take it from one another. Only root may raise the limit.
ulimit -l unlimited 2>/dev/null || true

command=${1:?usage: deploy/bazel.sh COMMAND [FLAGS] [TARGETS]}
shift
case "$command" in
  build | run | test)
    exec "${BAZEL:-bazel}" "${startup[@]}" "$command" "${flags[@]}" "$@"
    ;;
esac
exec "${BAZEL:-bazel}" "${startup[@]}" "$command" "$@"
