#!/bin/sh
# Prints the folder of each network named, which make.py makes if need be:
#   folder=$(test/models/make.sh resnet50)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../tools/venv.sh")
exec "$python" -B "$here/make.py" "$@"
