#!/bin/sh
# Do all cases that ever passed still pass, and is none of them wrong?
exec "$1" /usr/share/libonnx-testdata/data test/conformance
