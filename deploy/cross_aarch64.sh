#!/usr/bin/env bash
# layerd for 64-bit ARM (a Jetson's processor, any such board with the Debian of
# this machine), built and tested here.
#
#   deploy/cross_aarch64.sh build [TARGETS]  layerd and layerctl by default
#   deploy/cross_aarch64.sh test [TARGETS]   under qemu; the last line is
#                                            "N passed, N failed"
#   deploy/cross_aarch64.sh answer           the layerd just built serves the
#                                            digits network under qemu
#
# The first call installs what is missing of crossbuild-essential-arm64,
# qemu-user and debootstrap, and unpacks Debian's libraries for that processor
# into $XDG_CACHE_HOME/layerd-aarch64 (485 MB); both need root or sudo.
#
# Under qemu there is no io_uring, so drives are read by pread, and a program
# cannot start another: tests that start layerd are not among the default ones.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

tools=(gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user debootstrap)
# What install_packages.sh builds and tests with, for the other processor.
libraries=$(sed -nE '/clang/d; s/^(lib[^ ]*-dev|rapidjson-dev|catch2) .*/\1/p' \
  deploy/install_packages.sh | paste -sd,),libstdc++-$(gcc -dumpversion)-dev
libraries+=,libc6-dev
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
binaries=(//daemon:layerd //daemon/ctl:layerctl)
rooms=(//config/... //loader/... //kernels/... //test/kernels/...
  //daemon/exec/... //daemon/model/... //daemon/pack/... //daemon/plan/...
  //daemon/rt/... //daemon/sched/... //test/sim/...)

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/layerd-aarch64
sysroot=$cache/sysroot
compiler=$cache/cc

say_and_fail() { echo "cross_aarch64: $*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_tools() {
  local missing=()
  for tool in "${tools[@]}"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$tool" 2>/dev/null |
      grep -q '^.i' || missing+=("$tool")
  done
  [ ${#missing[@]} = 0 ] && return
  echo "Packages to install: ${missing[*]}"
  as_root apt-get -qq -o DPkg::Lock::Timeout=300 update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
    -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
    "${missing[@]}" >/dev/null
}

# Unpacked, not installed: nothing of it ever runs outside qemu.
make_sysroot() {
  # One with other libraries than are wanted now is made again.
  [ "$(cat "$sysroot/layerd_made" 2>/dev/null)" = "$libraries" ] && return
  local mirror made
  mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[.*\] \)\?\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
    head -1 || true)
  mkdir -p "$cache"
  made=$(mktemp -d "$cache/made.XXXXXX")
  echo "Unpacking Debian's libraries for aarch64 into $sysroot"
  as_root debootstrap --arch=arm64 --foreign --variant=minbase \
    "--include=$libraries" "$codename" "$made" ${mirror:+"$mirror"} \
    >"$cache/debootstrap.log" 2>&1 ||
    say_and_fail "debootstrap failed; its words are in $cache/debootstrap.log"
  as_root sh -c '
    for package in "$1"/var/cache/apt/archives/*.deb; do
      dpkg -x "$package" "$1"
    done
    find "$1" -type l -lname "/*" | while read -r link; do
      ln -sfnr "$1$(readlink "$link")" "$link"
    done
    rm -rf "$1/var/cache/apt/archives" "$1/debootstrap"
    echo "$2" >"$1/layerd_made"
    chmod 755 "$1"' sh "$made" "$libraries"
  as_root rm -rf "$sysroot"
  as_root mv "$made" "$sysroot"
}

make_compiler() {
  printf '#!/bin/sh\nexec aarch64-linux-gnu-gcc --sysroot="%s" "$@"\n' \
    "$sysroot" >"$compiler.new"
  chmod +x "$compiler.new"
  # An untouched file keeps what was built with it.
  if cmp -s "$compiler.new" "$compiler"; then
    rm "$compiler.new"
  else
    mv "$compiler.new" "$compiler"
  fi
}

# A root of its own, because Bazel keeps one compiler a root; and no links into
# it: bazel-bin is this machine's, and //... would follow the others.
bazel() {
  local command=$1
  shift
  LAYERD_BAZEL_ROOT=$cache/bazel deploy/bazel.sh "$command" \
    --platform_suffix=-aarch64 --symlink_prefix=/ \
    --platforms=//third_party/platforms:linux_aarch64 \
    --extra_toolchains=//third_party/platforms:aarch64_compiler \
    "--repo_env=CC=$compiler" \
    "--repo_env=PKG_CONFIG_LIBDIR=$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:$sysroot/usr/share/pkgconfig" \
    "$@"
}

run_tests() {
  local events failed=0
  events=$(mktemp "$cache/events.XXXXXX")
  bazel test --keep_going --build_event_json_file="$events" \
    --build_tests_only --test_timeout=1800 \
    "--run_under=/usr/bin/qemu-aarch64 -L $sysroot" -- "$@" || failed=$?
  /usr/bin/python3 -B test/count_cases.py "$events" "$failed"
  rm -f "$events"
}

# One request over gRPC to a layerd that qemu runs.
answer() {
  local bin work daemon
  bin=$(bazel info bazel-bin 2>/dev/null)
  [ -x "$bin/daemon/layerd" ] || say_and_fail "say build first"
  work=$(mktemp -d)
  export XDG_CACHE_HOME=$work QEMU_LD_PREFIX=$sysroot
  mkdir -p "$work/models/digits/1"
  qemu-aarch64 "$bin/daemon/ctl/layerctl" pack test/models/digits/digits.onnx \
    -o "$work/models/digits/1/model.layers"
  qemu-aarch64 "$bin/daemon/layerd" --repository "$work/models" \
    --listen "unix:$work/layerd.sock" --weight-budget 128KiB &
  daemon=$!
  # shellcheck disable=SC2064  # Both are known now.
  trap "kill $daemon; wait $daemon || true; rm -rf '$work'" EXIT
  local ctl=("qemu-aarch64" "$bin/daemon/ctl/layerctl")
  "${ctl[@]}" status --wait 60 --address "unix:$work/layerd.sock"
  "${ctl[@]}" infer digits --random --top 3 --address "unix:$work/layerd.sock"
}

command=${1:-}
[ $# = 0 ] || shift
case "$command" in
  --help | -h) sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 0 ;;
  build | test | answer) ;;
  *) echo "cross_aarch64: build, test or answer? --help says more" >&2; exit 2 ;;
esac
[ "$(uname -m)" = x86_64 ] ||
  say_and_fail "on $(uname -m) use deploy/quickstart.sh and test/run.sh"
install_tools
make_sysroot
make_compiler
case "$command" in
  build)
    [ $# -gt 0 ] || set -- "${binaries[@]}"
    bazel build "$@"
    echo "Built into $(bazel info bazel-bin 2>/dev/null)"
    ;;
  test)
    [ $# -gt 0 ] || set -- "${rooms[@]}"
    run_tests "$@"
    ;;
  answer) answer ;;
esac
