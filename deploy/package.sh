#!/usr/bin/env bash
# Makes a Debian package of layerd for machines like this one: both programs,
# the unit, its user and the configuration.
#
#   deploy/package.sh [--output DIR] [--binaries DIR] [--cuda FILE]
#
#   --output DIR    where the .deb goes; here by default
#   --binaries DIR  has daemon/layerd and daemon/ctl/layerctl; builds them
#                   without it
#   --cuda FILE     the liblayerd_cuda.so of the same build, for NVIDIA GPUs;
#                   CUDA and cuDNN are not asked for: without them, or without
#                   a GPU, layerd says so and computes on the CPU
#
#   apt-get install ./layerd_0.2.3_amd64.deb    # with what it depends on
#   cp -r resnet50 /var/lib/layerd/models/      # <model>/<version>/model.onnx
#   systemctl restart layerd
#
# Needs what `install_packages.sh --to-package` installs. Neither root nor the
# network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

output=$PWD
binaries=
cuda=
while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) sed -n '2,20s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --output | --binaries)
      [ $# -gt 1 ] || { echo "package: $1 needs a folder" >&2; exit 2; }
      [ -d "$2" ] || { echo "package: $2 is no folder" >&2; exit 2; }
      if [ "$1" = --output ]; then output=$(cd "$2" && pwd); else
        binaries=$(cd "$2" && pwd)
      fi
      shift
      ;;
    --cuda)
      [ -f "${2:-}" ] || { echo "package: --cuda needs a file" >&2; exit 2; }
      cuda=$(readlink -f "$2")
      shift
      ;;
    *) echo "package: unknown option $1; --help lists them" >&2; exit 2 ;;
  esac
  shift
done
command -v dpkg-shlibdeps >/dev/null || {
  echo "package: no dpkg-shlibdeps; say" \
    "deploy/install_packages.sh --to-package" >&2
  exit 1
}

cd "$here/.."
if [ -z "$binaries" ]; then
  deploy/bazel.sh build //daemon:layerd //daemon/ctl:layerctl
  binaries=$(deploy/bazel.sh info bazel-bin 2>/dev/null)
fi
version=$(sed -n 's/.*kVersion\[\] = "\(.*\)";/\1/p' config/version.h)
architecture=$(dpkg --print-architecture)

work=$(mktemp -d "${TMPDIR:-/tmp}/layerd-package.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

lay_out() {
  install -D -s -t "$root/usr/bin" \
    "$binaries/daemon/layerd" "$binaries/daemon/ctl/layerctl"
  install -D -m 644 -t "$root/usr/lib/systemd/system" deploy/layerd.service
  install -D -m 644 -t "$root/etc/layerd" config/layerd.yaml
  install -D -m 644 -t "$root/usr/share/doc/layerd" README.md
  install -D -m 644 config/README.md \
    "$root/usr/share/doc/layerd/configuration.md"
  install -D -m 644 LICENSE "$root/usr/share/doc/layerd/copyright"
  install -d "$root/var/lib/layerd/models" "$root/DEBIAN"
  if [ -n "$cuda" ]; then
    install -D -m 644 "$cuda" "$root/usr/lib/layerd/liblayerd_cuda.so"
    install -D -m 644 -t "$root/usr/lib/systemd/system/layerd.service.d" \
      deploy/layerd-gpu.conf
  fi
  install -m 755 -t "$root/DEBIAN" deploy/debian/postinst \
    deploy/debian/prerm deploy/debian/postrm
  echo /etc/layerd/layerd.yaml >"$root/DEBIAN/conffiles"
}

# The libraries that the programs are linked with, as packages; it wants to be
# where a source package would be.
libraries() {
  mkdir -p "$work/source/debian"
  echo "Source: layerd" >"$work/source/debian/control"
  (cd "$work/source" && dpkg-shlibdeps -O "$root/usr/bin/layerd" \
    "$root/usr/bin/layerctl") | sed 's/^shlibs:Depends=//'
}

write_control() {
  cat >"$root/DEBIAN/control" <<CONTROL
Package: layerd
Version: $version
Architecture: $architecture
Maintainer: the layerd authors <layerd@localhost>
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: adduser, $(libraries)
Section: science
Priority: optional
Description: neural networks over gRPC with their weights on the SSD
 A daemon that serves many neural networks over gRPC (KServe v2) on one small
 machine while almost none of their weights are in memory: a loader thread
 reads them from the drive while one piece before computes.
CONTROL
}

lay_out
write_control
dpkg-deb --root-owner-group --build "$root" "$output" >/dev/null
echo "$output/layerd_${version}_$architecture.deb"
