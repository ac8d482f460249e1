"""Same bytes whatever the weight budget: see identity.sh.

For each network and thread count, `layerctl run` answers one picture under
each budget, RUNS times, in processes of their own: all outputs must have the
same bytes, and each process must have read its weights from the drive.
"""

import os
import pathlib
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import networks
from layerd import MIB, layerctl

NETWORKS = {"resnet50": 102_440_608, "mobilenet_v2": 14_155_936}
BUDGETS = {"2MiB": 2, "4MiB": 4, "8MiB": 8, "16MiB": 16, "all": None}
THREADS = (1, 2)


def run_once(layers, image, answer, budget, threads):
    ended = layerctl(
        "run", layers, "--input", image, "--output", answer,
        "--budget", budget, "--threads", threads,
    )
    if ended.status != 0:
        raise AssertionError(f"layerctl run failed: {ended.err}")
    return answer.read_bytes(), ended.read_bytes


def check(name, layers, image, folder, threads, runs):
    """How many of the runs were not as they must be."""
    weights, first, wrong = NETWORKS[name], None, 0
    for budget in BUDGETS:
        least = None
        for _ in range(runs):
            answer, read = run_once(
                layers, image, folder / "y.npy", budget, threads
            )
            first = first or answer
            least = read if least is None else min(least, read)
            wrong += answer != first or read < weights
        print(
            f"{name}, {threads} threads, budget {budget}: {runs} runs, "
            f"{wrong} wrong so far; the kernel read {least} bytes or more, "
            f"weights are {weights}",
            flush=True,
        )
    return wrong


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    wrong = 0
    for name in NETWORKS:
        folder = networks.made(name)
        with tempfile.TemporaryDirectory() as kept:
            kept = pathlib.Path(kept)
            layers = kept / "model.layers"
            packed = layerctl("pack", folder / "model.onnx", "-o", layers)
            if packed.status != 0:
                raise AssertionError(packed.err)
            image = networks.questions(folder)[1]
            for threads in THREADS:
                wrong += check(name, layers, image, kept, threads, runs)
    print(f"{wrong} runs were wrong")
    return 0 if wrong == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
