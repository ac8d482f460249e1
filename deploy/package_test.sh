#!/bin/bash
# Is the package what dpkg, systemd and layerd itself take for sound?
set -euo pipefail

work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/package_test.XXXXXX")
deb=$(deploy/package.sh --binaries . --output "$work")
root=$work/root
dpkg-deb --extract "$deb" "$root"

fail() { echo "package_test: $*" >&2; exit 1; }
field() { dpkg-deb --field "$deb" "$1"; }

[ "$(field Package)" = layerd ] || fail "the package is $(field Package)"
[ "$("$root/usr/bin/layerd" --version)" = "layerd $(field Version)" ] ||
  fail "layerd and the package are of different versions"
for library in libgrpc++ libprotobuf libdnnl liburing libyaml-cpp libisal; do
  field Depends | grep -qF "$library" || fail "does not depend on $library"
done
"$root/usr/bin/layerd" --check-config --config "$root/etc/layerd/layerd.yaml"

grep -q 'model.yaml' "$root/usr/share/doc/layerd/configuration.md" ||
  fail "nobody is told of model.yaml"

# What the unit runs and reads is what the package has.
unit=$root/usr/lib/systemd/system/layerd.service
for path in $(sed -n 's/^ExecStart=//p' "$unit"); do
  case $path in /*) [ -e "$root$path" ] || fail "no $path in it" ;; esac
done
verify() {
  local said
  said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --recursive-errors=no \
    --root="$root" "$unit" 2>&1) && [ -z "$said" ] ||
    fail "systemd-analyze: $said"
}
verify

for script in postinst prerm postrm; do
  dpkg-deb --ctrl-tarfile "$deb" | tar -xO "./$script" >"$work/$script"
  sh -n "$work/$script" || fail "$script is no shell script"
done
dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./conffiles |
  grep -qx /etc/layerd/layerd.yaml || fail "an upgrade would lose changes"

# A GPU's backend lies where layerd looks for it: ../lib/layerd from itself.
[ ! -e "$root/usr/lib/layerd" ] || fail "there is a backend that nobody gave"
[ ! -e "$unit.d" ] || fail "its unit shows devices to nobody"
echo "any file" >"$work/backend.so"
deb=$(deploy/package.sh --binaries . --output "$work" --cuda "$work/backend.so")
dpkg-deb --extract "$deb" "$root"
cmp "$work/backend.so" "$root/usr/bin/../lib/layerd/liblayerd_cuda.so" ||
  fail "--cuda is not what it has"
grep -qx PrivateDevices=no "$unit.d/layerd-gpu.conf" ||
  fail "the unit hides the GPU from its backend"
verify
echo "package_test: $(basename "$deb") is sound"
