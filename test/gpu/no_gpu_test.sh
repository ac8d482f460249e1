#!/bin/bash
# Where there is no GPU the checks say so and exit 3; where there is one they
# pass. All NVIDIA libraries resolve, the programs are small enough to copy, and
# gpu_check needs nothing of ours there. layerd and layerctl link no CUDA.
set -u
check=$1 models=$2 library=$3
shift 3
failed=0

fail() {
  echo "wrong: $*" >&2
  failed=1
}

for program in "$check" "$models"; do
  said=$("$program" 2>&1)
  status=$?
  case $status in
    0) ;;
    3) [[ "$said" == *driver* || "$said" == *device* ]] ||
         fail "$program exits 3 and does not say why: $said" ;;
    *) fail "$program exits $status: $said" ;;
  esac
  # Without debug information, which only the sanitizers' builds have.
  bytes=$(size "$program" | awk 'NR == 2 { print $1 + $2 }')
  [ "$bytes" -le $((60 << 20)) ] || fail "$program has $bytes bytes"
done

# What a file is linked with.
needed() {
  readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# What NVIDIA brings, what every Linux has, and sanitizers.
of_every_gpu_machine='^lib(cudart|cublasLt|cudnn|c|m|dl|rt|pthread|stdc\+\+|gcc_s|[atl]san|ubsan)\.so'
foreign=$(needed "$check" | grep -vE "$of_every_gpu_machine|^ld-linux")
[ -z "$foreign" ] || fail "$check needs $foreign"
for program in "$@"; do
  [ "$(needed "$program" | grep -c '^libc\.so')" = 1 ] || fail "readelf $program"
  cuda=$(needed "$program" | grep -iE 'cuda|cudnn|cublas|nvidia|nvrtc')
  [ -z "$cuda" ] || fail "$program links $cuda"
done

for file in "$check" "$library"; do
  missing=$(ldd "$file" | grep 'not found')
  [ -z "$missing" ] || fail "$file: $missing"
  if ldd "$file" | grep -q grpc; then fail "$file links gRPC"; fi
done
exit $failed
