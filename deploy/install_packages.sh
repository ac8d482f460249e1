#!/usr/bin/env bash
# Installs the Debian packages that layerd is built and tested with (12; they
# are there in 13 as well).
#
#   deploy/install_packages.sh [--to-build | --to-package]
#
# --to-build leaves out those that only tests and benches need; --to-package
# adds to it what deploy/package.sh takes.
# Needs root or sudo; with all of them there it needs neither, and no network.
# Nothing else is downloaded, then or later: the build works offline.
set -euo pipefail

purpose=to-test
case "${1:-}" in
  '') ;;
  --to-build | --to-package) purpose=${1#--} ;;
  --help | -h) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "install_packages: unknown option $1; --help lists them" >&2; exit 2 ;;
esac

to_build() {
  cat <<'TABLE'
bazel-bootstrap           the build system; brings a headless Java along
g++                       the compiler
pkg-config                tells the build where libraries are
python3                   helpers of the tests, standard library only
libabsl-dev               Abseil: status, strings
libprotobuf-dev           Protobuf: manifests, messages
protobuf-compiler         protoc
libgrpc-dev               gRPC, the C core
libgrpc++-dev             gRPC: the server and its clients
protobuf-compiler-grpc    gRPC's plugin for protoc
libdnnl-dev               oneDNN: computes layers on a CPU
liburing-dev              io_uring: reads weights from the drive
libisal-dev               ISA-L: the checksum of every tile
libssl-dev                OpenSSL: SHA-256 of the files that are packed
libyaml-cpp-dev           reads the configuration
libspdlog-dev             the log
rapidjson-dev             layerctl's answers as JSON
libturbojpeg0-dev         reads pictures for layerctl infer: JPEG
libpng-dev                reads pictures for layerctl infer: PNG
libcpp-httplib-dev        serves metrics and the live page
TABLE
}

to_package() {
  cat <<'TABLE'
dpkg-dev                  which packages the programs are linked with
TABLE
}

to_test() {
  cat <<'TABLE'
python3-venv              the tests' own environment: ONNX Runtime as yardstick
catch2                    the tests' framework
libonnx-testdata          the ONNX project's backend cases, a thousand tiny models
libbenchmark-dev          the benches' framework
python3-torchvision       PyTorch: what speed on a GPU is compared with
systemd                   checks the unit
rt-tests                  cyclictest: the stalls of the machine, beside load runs
clang                     a second compiler, for the fuzzers
libclang-rt-dev           libFuzzer and clang's sanitizers
clang-format              how our code is laid out
clang-tidy                what a reader might miss
TABLE
}

packages() {
  to_build
  [ "$purpose" = to-build ] || to_package
  [ "$purpose" != to-test ] || to_test
}

# Also if it is held back from upgrades ("hi ").
installed() {
  [[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" == ?"i " ]]
}

missing() {
  packages | while read -r name reason; do
    installed "$name" || printf '%-25s %s\n' "$name" "$reason"
  done
}

# Runs a command as root, its noise in the log unless it fails.
as_root() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  if ! "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >>"$log" 2>&1; then
    cat "$log" >&2
    echo "install_packages: '$*' failed; its words are above." >&2
    exit 1
  fi
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install_packages: this is no Debian (there is no apt-get)." >&2
  echo "Install these yourself, then say --no-install:" >&2
  packages >&2
  exit 1
fi

wanted=$(missing)
if [ -z "$wanted" ]; then
  echo "Packages: all $(packages | wc -l) there."
  exit 0
fi

echo "Packages to install, with what they depend on (apt-get, as root):"
echo "$wanted" | sed 's/^/  /'
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
  echo "install_packages: neither root nor sudo; run this script as root." >&2
  exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
lock=(-o DPkg::Lock::Timeout=300)
as_root apt-get "${lock[@]}" update
# shellcheck disable=SC2046  # One word per package.
as_root apt-get "${lock[@]}" install -y --no-install-recommends \
  $(echo "$wanted" | awk '{print $1}')

wanted=$(missing)
if [ -n "$wanted" ]; then
  echo "install_packages: apt-get was content, but these are not there:" >&2
  echo "$wanted" >&2
  exit 1
fi
echo "Packages: all $(packages | wc -l) there."
