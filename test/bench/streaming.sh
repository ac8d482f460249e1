#!/bin/bash
# What does streaming cost? Makes the tables of STREAMING.md: see streaming.py,
# which has the options. Builds what it needs, and takes the networks from
# test/models (made first if they are not there).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

builds=yes
words=()
for word in "$@"; do
  case "$word" in
    --no-build) builds=no ;;
    -h | --help | --list) builds=no; words+=("$word") ;;
    *) words+=("$word") ;;
  esac
done
if [ "$builds" = yes ]; then
  deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl \
    //test/bench:streaming_peers //test/bench:loader_rate >&2
fi
export LAYERD=bazel-bin/daemon/layerd LAYERCTL=bazel-bin/daemon/ctl/layerctl
export STREAMING_PEERS=bazel-bin/test/bench/streaming_peers
export LOADER_RATE=bazel-bin/test/bench/loader_rate
PYTHON=$(test/tools/venv.sh)
export PYTHON
exec "$PYTHON" -B "$here/streaming.py" "${words[@]}"
