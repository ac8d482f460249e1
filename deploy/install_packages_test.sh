#!/bin/bash
# Does install_packages.sh take what is installed for installed? Nothing is
# installed here: who would is a twin that refuses.
set -euo pipefail

fail() { echo "install_packages_test: $*" >&2; exit 1; }

bin=$TEST_TMPDIR/bin
mkdir -p "$bin"
printf '#!/bin/sh\nprintf %%s "$STATUS"\n' >"$bin/dpkg-query"
printf '#!/bin/sh\nexit 1\n' | tee "$bin/apt-get" >"$bin/sudo"
chmod +x "$bin"/*

# All packages have this status, as dpkg abbreviates it.
install_with() {
  STATUS=$1 PATH=$bin:$PATH deploy/install_packages.sh --to-build 2>&1
}

# As asked for, and held back from upgrades.
for status in 'ii ' 'hi '; do
  said=$(install_with "$status") || fail "'$status' is missing: $said"
  [[ "$said" == 'Packages: all '*' there.' ]] || fail "'$status': $said"
done
# Removed, and half configured.
for status in 'rc ' 'iF '; do
  ! said=$(install_with "$status") || fail "'$status' is there: $said"
done
