#!/bin/sh
# Runs a Python test with the test-only packages, from the repository's root
# (where Bazel starts tests): venv_python_test.sh FOLDER/TEST.py
# (Bazel's py_test wants a `python` that Debian does not have.)
set -eu
python=$(test/tools/venv.sh)
exec "$python" -B "$@"
