#!/bin/sh
# Runs a Python test with the test-only packages: python_test.sh TEST.py
# (Bazel's py_test wants a `python` that Debian does not have.)
set -eu
python=$("$(dirname "$0")/venv.sh")
exec "$python" -B "$@"
