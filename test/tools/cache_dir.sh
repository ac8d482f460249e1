#!/bin/sh
# Prints the folder, outside the repository, where tests keep what is big or
# slow to make: the Python environment and the generated networks.
#
#   $LAYERD_TEST_CACHE, else $XDG_CACHE_HOME/layerd-test, else
#   ~/.cache/layerd-test
#
# Bazel gives each test a home of its own, emptied after it. There the user's
# real home is looked up, or nothing would ever be found again.
set -eu

if [ -n "${LAYERD_TEST_CACHE:-}" ]; then
  dir=$LAYERD_TEST_CACHE
elif [ -n "${XDG_CACHE_HOME:-}" ] && [ -z "${TEST_TMPDIR:-}" ]; then
  dir=$XDG_CACHE_HOME/layerd-test
elif [ -n "${HOME:-}" ] && [ -z "${TEST_TMPDIR:-}" ]; then
  dir=$HOME/.cache/layerd-test
else
  dir=$(getent passwd "$(id -u)" | cut -d: -f6)/.cache/layerd-test
fi

if ! mkdir -p "$dir" || ! [ -w "$dir" ]; then
  echo "cache_dir.sh: cannot write to $dir;" \
    "set LAYERD_TEST_CACHE to a folder that is yours" >&2
  exit 1
fi
printf '%s\n' "$dir"
