"""Same bytes whatever the weight budget: see identity.sh.

For each network and thread count, `layerctl run` answers one question under
each budget, RUNS times, in processes of their own. All outputs must have the
same bytes and be right, and each process must have read from the drive what
its loader says it read.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import asking
import networks
from layerd import MIB, layerctl

BUDGETS_MIB = (4, 8, 16)
THREADS = (1, 2)


def budgets_of(layers):
    """The smallest that will do, those above it, and all."""
    plan = asking.done(layerctl("plan", layers, "--json"))
    least = json.loads(plan.out)["minimum_budget_bytes"]
    above = [f"{mib}MiB" for mib in BUDGETS_MIB if mib * MIB > least]
    return [str(least), *above, "all"]


class Network:
    def __init__(self, name, folder):
        made = networks.made(name)
        self.name, self.folder = name, folder
        self.question = networks.data_sets(made)[1]
        self.layers = folder / "model.layers"
        asking.pack(made / "model.onnx", self.layers)
        self.budgets = budgets_of(self.layers)

    def check(self, threads, runs):
        """How many of the runs were not as they must be."""
        first, wrong = None, 0
        for budget in self.budgets:
            for _ in range(runs):
                got, ended = asking.run(
                    self.layers, self.question, self.folder, budget, threads
                )
                first = first or got
                if why := self.why_wrong(got, first, ended):
                    print(f"WRONG: {self.name}, {threads} threads, {budget}: "
                          f"{why}")
                    wrong += 1
        return wrong

    def why_wrong(self, got, first, ended):
        if any(got[k].tobytes() != first[k].tobytes() for k in first):
            return "other bytes than under the first budget"
        read = json.loads(ended.out)["read_bytes"]
        if ended.read_bytes < read:
            return f"the kernel read {ended.read_bytes} of {read} bytes"
        return asking.why_wrong(got, self.question)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument("names", nargs="+")
    args = parser.parse_args()
    passed = failed = 0
    for name in args.names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                network = Network(name, pathlib.Path(folder))
                for threads in THREADS:
                    wrong = network.check(threads, args.runs)
                    runs = args.runs * len(network.budgets)
                    print(f"{name}, {threads} threads, budgets "
                          f"{', '.join(network.budgets)}: {runs} runs, "
                          f"{wrong} wrong", flush=True)
                    passed, failed = passed + runs - wrong, failed + wrong
            except asking.Refused as refused:
                print(f"REFUSED: {name}: {refused}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
