#!/bin/sh
# True-size networks for small pictures on the twin, in a few schedules each:
#   twin_networks_test.sh TWIN_NETWORKS [SCHEDULES [NAME...]]
# The long run is twin_networks_test.sh ... 1000 with all five (RESULTS.md).
set -eu
program=$1
schedules=${2:-5}
[ $# -gt 2 ] && shift 2 || set -- digits mobilenet_v2_64 resnet50_64
files=
for name in "$@"; do
  case $name in
    digits) files="$files test/models/digits/digits.onnx" ;;
    *) files="$files $(test/models/make.sh "$name")/model.onnx" ;;
  esac
done
exec "$program" "$schedules" $files
