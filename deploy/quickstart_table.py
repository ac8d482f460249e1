"""What quickstart.sh shows of one run: answers, latency, bytes.

  quickstart_table.py FOLDER NAME

FOLDER/NAME-DIGIT is what `layerctl infer --json` printed for that digit,
FOLDER/NAME-DIGIT.npy its logits, FOLDER/NAME-status what `layerctl status
--json` printed at the end. Standard library only.
"""

import json
import statistics
import struct
import sys


def logits(path):
    """The f32 values of an .npy file."""
    with open(path, "rb") as file:
        data = file.read()
    header_bytes = struct.unpack_from("<H", data, 8)[0]
    values = data[10 + header_bytes :]
    return struct.unpack("<%df" % (len(values) // 4), values)


def main():
    folder, name = sys.argv[1:]
    right = 0
    latencies = []
    print("  truth  answer  latency     read from the SSD")
    for digit in range(10):
        with open(f"{folder}/{name}-{digit}") as file:
            reply = json.load(file)
        values = logits(f"{folder}/{name}-{digit}.npy")
        answer = max(range(10), key=values.__getitem__)
        right += answer == digit
        latencies.append(reply["latency_ms"])
        print(
            "  %5d  %6d  %5.2f ms  %9d bytes"
            % (digit, answer, reply["latency_ms"], reply["parameters"]["layerd_read_bytes"])
        )
    with open(f"{folder}/{name}-status") as file:
        memory = json.load(file)["memory"]
    resident = memory["ring_bytes"] + memory["head_bytes"]
    weights = memory["weight_bytes"]
    print("  %d of 10 right, median latency %.2f ms" % (right, statistics.median(latencies)))
    print("  weights: %d bytes; ever resident: %d bytes (%.0f %%)"
          % (weights, resident, 100 * resident / weights))
    return 0 if right >= 9 else 1


if __name__ == "__main__":
    sys.exit(main())
