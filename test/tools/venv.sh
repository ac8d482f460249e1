#!/bin/bash
# Prints the path of a Python that has the test-only packages, and makes that
# environment first if it is not there (one download of some 75 MB; after that
# nothing needs the network).
#
#   venv.sh          onnxruntime, tritonclient  (requirements.txt)
#   venv.sh train    scikit-learn as well       (requirements_train.txt)
#   venv.sh bench    OpenVINO and ncnn as well  (requirements_bench.txt)
#   venv.sh zoo      what makes networks out of Debian's torch
#                    (requirements_zoo.txt)
#
# Tests may call it in parallel: the first one makes it, the others wait.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
python=${LAYERD_TEST_PYTHON:-/usr/bin/python3}

die() {
  echo "venv.sh: $*" >&2
  exit 1
}

venv_flags=()
pip_flags=()
case ${1:-} in
  '') requirements=requirements.txt ;;
  train) requirements=requirements_train.txt ;;
  bench)
    requirements=requirements_bench.txt
    pip_flags=(--no-deps)
    ;;
  zoo)
    requirements=requirements_zoo.txt
    venv_flags=(--system-site-packages)
    pip_flags=(--no-deps)
    ;;
  *) die "unknown set of packages '$1'; it takes none, train, bench or zoo" ;;
esac

# Another list of packages or another Python is another environment.
digest=$( (
  cd "$here" && cat requirements.txt "$requirements" && "$python" --version
) | sha256sum | cut -c1-12)
cache=$("$here/cache_dir.sh")
venv=$cache/venv-$digest

make_venv() {
  rm -rf "$venv"
  "$python" -m venv "${venv_flags[@]}" "$venv" >"$venv.log" 2>&1 ||
    die "$python -m venv failed (deploy/install_packages.sh has python3-venv)," \
      "see $venv.log"
  echo "venv.sh: installing $requirements into $venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --only-binary=:all: "${pip_flags[@]}" --requirement "$here/$requirements" \
    >>"$venv.log" 2>&1 || {
    tail -n 5 "$venv.log" >&2
    die "pip could not install $requirements; is the network there?" \
      "All of it: $venv.log"
  }
  touch "$venv/ready"
}

if ! [ -e "$venv/ready" ]; then
  exec 9>"$venv.lock"
  flock 9
  [ -e "$venv/ready" ] || make_venv
fi
printf '%s\n' "$venv/bin/python"
