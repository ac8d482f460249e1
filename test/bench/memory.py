"""How much memory does packing take, and running with all weights resident?

Two lines, each with the bound that it is held to; exit status 1 if one is not.

* Packing vgg16 (528 MiB): MiB/s from the ONNX file to the synced layer file, and
  the peak of the process. Bounds: 100 MiB/s; 96 MiB and twice the largest layer.
* `layerctl run` on resnet50 with everything resident against ONNX Runtime in a
  process of its own, peaks of both. Bound: 0.6. What Python and ONNX Runtime
  take before a model is there is said as well, and is in its peak.

    test/bench/memory.sh
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy

MIB = 1 << 20
PACK_MIB_S_LEAST = 100
RUN_RATIO_MOST = 0.6
# fc6 of vgg16: 4096 x 25088 numbers.
LARGEST_LAYER_BYTES = 4096 * 25088 * 4

PEER = """
import sys
import numpy, onnxruntime

def peak():
    with open("/proc/self/status") as status:
        return next(int(l.split()[1]) for l in status if l.startswith("VmHWM"))

before = peak()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(
    sys.argv[1], options, providers=["CPUExecutionProvider"])
session.run(None, {session.get_inputs()[0].name: numpy.load(sys.argv[2])})
print(before * 1024, peak() * 1024)
"""


def run(command):
    """Standard output, seconds and peak bytes of a child process."""
    started = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command}: exit status {child.returncode}")
    return output, time.monotonic() - started, usage.ru_maxrss * 1024


def pack(layerctl, onnx, layers):
    output, seconds, peak = run([layerctl, "pack", onnx, "-o", layers, "--json"])
    return json.loads(output)["weight_bytes"] / MIB / seconds, peak


def packing_holds(arguments):
    layers = os.path.join(arguments.work, "vgg16.layers")
    rates, peaks = zip(*(pack(arguments.layerctl, arguments.vgg16, layers)
                         for _ in range(3)))
    most = 96 * MIB + 2 * LARGEST_LAYER_BYTES
    print(f"packing vgg16: {sorted(rates)[1]:.0f} MiB/s (at least "
          f"{PACK_MIB_S_LEAST}), peak {max(peaks) / MIB:.1f} MiB (at most "
          f"{most / MIB:.0f})")
    return sorted(rates)[1] >= PACK_MIB_S_LEAST and max(peaks) <= most


def running_holds(arguments):
    layers = os.path.join(arguments.work, "resnet50.layers")
    picture = os.path.join(arguments.work, "x.npy")
    pack(arguments.layerctl, arguments.resnet50, layers)
    numpy.save(picture, numpy.random.default_rng(1).standard_normal(
        (1, 3, 224, 224), dtype=numpy.float32))
    _, _, ours = run([arguments.layerctl, "run", layers, "--budget", "all",
                      "--threads", "1", "--input", picture])
    output, _, _ = run([sys.executable, "-c", PEER, arguments.resnet50, picture])
    before, theirs = map(int, output.split())
    print(f"running resnet50, all resident: {ours / MIB:.1f} MiB, ONNX Runtime "
          f"{theirs / MIB:.1f} MiB ({before / MIB:.1f} before the model): "
          f"{ours / theirs:.2f} (at most {RUN_RATIO_MOST})")
    return ours <= RUN_RATIO_MOST * theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("layerctl", "work", "vgg16", "resnet50"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    holds = [packing_holds(arguments), running_holds(arguments)]
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
