#!/bin/sh
# Runs a Python test with the system's Python (Bazel's py_test wants another
# one), at its real place, where the files beside it are.
exec /usr/bin/python3 -B "$(readlink -f "$1")"
