"""Writes one inference.ModelInferRequest, in protobuf's wire format, to
standard output: a handwritten seven for the model `digits`.

Standard library only, so that the load test needs no generated code.
"""

import struct
import sys

SAMPLE = "test/models/digits/samples/d7.npy"
SHAPE = [1, 1, 8, 8]


def field(number, data):
    """A length-delimited field; shorter than 16 KiB, so two bytes tell it."""
    length = len(data)
    size = bytes([length] if length < 128 else [length & 127 | 128, length >> 7])
    return bytes([number << 3 | 2]) + size + data


def pixels():
    with open(SAMPLE, "rb") as file:
        data = file.read()
    return data[10 + struct.unpack_from("<H", data, 8)[0] :]


def main():
    tensor = field(1, b"image") + field(2, b"FP32") + field(3, bytes(SHAPE))
    request = field(1, b"digits") + field(5, tensor) + field(7, pixels())
    sys.stdout.buffer.write(request)


if __name__ == "__main__":
    main()
