#!/bin/bash
# What does streaming cost? Makes the tables of STREAMING.md: see streaming.py,
# which has the options. Builds what it needs, and takes the networks from
# test/models (made first if they are not there).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
if [ "${1:-}" != --no-build ]; then
  deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl \
    //test/bench:streaming_peers //test/bench:loader_rate >&2
else
  shift
fi
export LAYERD=bazel-bin/daemon/layerd LAYERCTL=bazel-bin/daemon/ctl/layerctl
export STREAMING_PEERS=bazel-bin/test/bench/streaming_peers
export LOADER_RATE=bazel-bin/test/bench/loader_rate
PYTHON=$(test/tools/venv.sh)
export PYTHON
exec "$PYTHON" -B "$here/streaming.py" "$@"
