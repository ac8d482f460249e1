#!/bin/sh
# Looks at the checkout itself, not at copies that a BUILD file lists, so that
# a new file cannot be forgotten: a runfile is a link into it.
set -eu
root=$(dirname "$(readlink -f WORKSPACE)")
exec /usr/bin/python3 -B "$root/test/tidy/check.py" "$root"
