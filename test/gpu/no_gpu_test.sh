#!/bin/bash
# Where there is no GPU the checks say so and exit 3; where there is one they
# pass. All NVIDIA libraries resolve, and the programs are small enough to copy.
set -u
check=$1 models=$2 library=$3
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

for file in "$check" "$library"; do
  missing=$(ldd "$file" | grep 'not found')
  [ -z "$missing" ] || fail "$file: $missing"
  if ldd "$file" | grep -q grpc; then fail "$file links gRPC"; fi
done
exit $failed
