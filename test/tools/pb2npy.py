"""Turns an ONNX TensorProto into a .npy file, as layerctl reads it.

  pb2npy.py IN.pb OUT.npy
"""

import sys

import tensors


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    tensors.save_npy(sys.argv[2], tensors.load(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
