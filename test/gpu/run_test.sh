#!/bin/bash
# run.sh from end to end without a GPU: the checks are linked with the twin, and
# what a machine may or may not have is made here.
set -u
check=$(readlink -f "$1") models=$(readlink -f "$2")
layerctl=$(readlink -f "$3") library=$(readlink -f "$4")
run=$PWD/test/gpu/run.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TEST_TMPDIR=$work XDG_CACHE_HOME=$work/cache
mkdir "$work/bin" "$work/built" "$work/bad" "$work/crash" "$work/none" "$work/no"
failed=0

fail() {
  echo "wrong: $*" >&2
  failed=1
}

# expect STATUS LAST_LINE FOLDER: runs run.sh; what it says is in $said.
expect() {
  local status=0
  said=$(PATH=$work/bin:$PATH PYTHONPATH=$work/no "$run" "$3" 2>&1) || status=$?
  [ "$status" = "$1" ] || fail "$3: exit $status, expected $1: $said"
  [[ "${said##*$'\n'}" =~ $2 ]] || fail "$3: last line is ${said##*$'\n'}"
}

says() {
  [[ "$said" == *"$1"* ]] || fail "it does not say '$1': $said"
}

program() {
  printf '#!/bin/sh\n%s\n' "$2" > "$1"
  chmod +x "$1"
}

# As on another machine: nothing but what was collected, and no PyTorch.
echo 'raise ImportError("torch is not for this test")' > "$work/no/torch.py"
ln -s "$check" "$work/built/gpu_check"
ln -s "$models" "$work/built/gpu_models"
ln -s "$layerctl" "$work/built/layerctl"
(cd "$work" && "$run" --collect copy built/* "$library") > "$work/said" ||
  fail "it does not collect: $(cat "$work/said")"
ls "$work"/copy/lib/libgrpc* > "$work/said" 2>&1 || fail "$(cat "$work/said")"
ls "$work"/copy/lib/lib{c,cuda*,cudnn*,cublas*}.so* 2> /dev/null &&
  fail 'it collects what belongs to the other machine'
mv "$work/copy/gpu_models" "$work/copy/all"
program "$work/copy/gpu_models" 'exec "$(dirname "$0")/all" 2'
repository_run=$run run=./copy/run.sh
cd "$work" || exit 1
expect 0 '^[1-9][0-9]{3,} passed, 0 failed$' copy
cd "$OLDPWD" || exit 1
run=$repository_run
says '| f16, managed | whole'
says '| f32, staged  | refuses what data asks for'
says '| f16, staged  |   2 networks |'
says 'versions: CUDA'
says 'planned'
says '| three stages | copying'
says 'SKIPPED: speed against PyTorch | no PyTorch: torch is not for this test'
command -v compute-sanitizer > /dev/null ||
  says 'SKIPPED: memcheck and racecheck | compute-sanitizer is not there'

# With everything, of which something fails.
program "$work/bin/compute-sanitizer" \
  'case "$*" in *racecheck*gpu_models*) exit 1 ;; esac; exit 0'
program "$work/bad/gpu_check" 'echo "| a row |"; echo "3 passed, 1 failed"; exit 1'
program "$work/bad/gpu_models" 'echo "5 passed, 0 failed"'
program "$work/bad/layerctl" 'exit 0'
expect 1 '^11 passed, 2 failed$' "$work/bad"
says '| compute-sanitizer memcheck | gpu_check | clean |'
says '| compute-sanitizer racecheck | gpu_models | exit 1 |'
program "$work/bad/layerctl" 'echo no libgrpc.so; exit 127'
expect 1 '^11 passed, 2 failed$' "$work/bad"
says 'SKIPPED: speed against PyTorch | layerctl does not start: no libgrpc.so'

# One that dies counts as one that fails; one without a GPU ends it.
program "$work/crash/gpu_check" 'echo "2 passed, 0 failed"; kill -9 $$'
program "$work/crash/gpu_models" 'echo nothing'
expect 1 '^[0-9]+ passed, 3 failed$' "$work/crash"
program "$work/none/gpu_check" 'echo "no driver" >&2; exit 3'
expect 3 'no driver' "$work/none"

# The bounds of the comparison, by recorded times.
PYTHONPATH=test/gpu python3 -B - << 'END' || fail 'torch_peer.py'
import torch_peer
row, right = torch_peer.verdict('net', [1.2, 9.0, 1.1], [1.0, 1.0, 7.0], 1e-3, 0.0)
assert right and '| net | layerd 1.200 ms' in row and 'ratio 1.20' in row, row
assert not torch_peer.verdict('net', [1.3], [1.0], 0.0, 0.0)[1]
assert not torch_peer.verdict('net', [1.0], [1.0], 2e-2, 5e-3)[1]
assert torch_peer.verdict('net', [1.0], [1.0], 2e-2, 2e-2)[1]
assert not torch_peer.verdict('net', [1.0], [1.0], float('nan'), 1.0)[1]
assert not torch_peer.verdict('net', [1.0], [1.0], 2e-2, float('nan'))[1]
assert torch_peer.distance_of([1.0, 2.5], [1.0, -2.0]) == 2.25
END
exit $failed
