#!/bin/bash
# Are the arguments of the manifest and of the image ones that layerd takes?
set -euo pipefail

fail() { echo "kserve_test: $*" >&2; exit 1; }

check() {
  [ $# -ge 4 ] || fail "only $# arguments found"
  daemon/layerd "$@" --check-config || fail "layerd does not take: $*"
}

mapfile -t manifest < <(sed -n 's/^ *- \(--[a-z].*\)$/\1/p' deploy/kserve/runtime.yaml)
check "${manifest[@]}"
cp config/layerd.yaml "$TEST_TMPDIR/layerd.yaml"
mapfile -t image < <(sed -n 's/^CMD //p' deploy/kserve/Containerfile |
  grep -o -- '--[^"]*' | sed "s|/etc/layerd/|$TEST_TMPDIR/|")
check "${image[@]}"

version=$(daemon/layerd --version | cut -d' ' -f2)
for file in runtime.yaml Containerfile; do
  grep -qF "layerd:$version" "deploy/kserve/$file" ||
    fail "$file names another version than $version"
done
