"""Everything at once: do answers stay right, and does memory come back?

    test/load/soak.sh [--seconds N] [--seed N] [--config asan|tsan]

Five networks at four levels, in all weight types, behind one small budget.
Clients ask, with deadlines that can be met and that cannot, give up in the
middle, and send nonsense. Meanwhile the budget changes, models are unloaded and
loaded, and one network's file is replaced by another's. Every answer is
compared with that of `layerctl run`, bit by bit; every refusal must be one that
its request has earned. In the end nothing may be left behind: threads, open
files, memory. Exits 1 if anything was wrong; the seed says who does what, not
in which order the threads come.
"""

import argparse
import collections
import os
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(os.path.realpath(__file__)).parents[2]
sys.path[:0] = [str(ROOT / "test" / "tools"), str(ROOT / "test" / "e2e")]

import numpy as np

import asking
import networks
from crowd import CHANGING, LOADED, Asker, Operator
from layerd import Daemon, MIB, is_instrumented, layerctl, number_in

ASKERS = 6
WEIGHTS = {"digits": "f32", "mobilenet": "bf16", "resnet": "i8", "bert": "f16"}
CONFIGS = {"digits": "priority: 1\n",
           "mobilenet": "priority: 2\nlower_to: 4\n",
           "resnet": "priority: 3\n",
           "bert": "priority: 4\n",
           "changing": "priority: 2\n"}
# Of the process, when all is over, beyond what it had after every network had
# been asked once, both with the least budget: what a larger one holds is no loss.
MEMORY_LEFT_MAX = 8 * MIB
THREADS_LEFT_MAX = 8  # gRPC's, which come and go.
SETTLING_S = 30


class Network:
    """A layer file, and what it answers to each of its questions."""

    def __init__(self, name, onnx, questions, weights, folder):
        self.name = name
        self.layers = folder / f"{name}-{weights}.layers"
        asking.pack(onnx, self.layers, None, "--weights", weights,
                    "--accuracy", 0)
        self.questions = questions
        self.answers = [asking.run(self.layers, question, folder)[0]
                        for question in questions]


def digits_questions():
    images = np.load(networks.DIGITS / "images.npy", allow_pickle=False)
    wants = np.load(networks.DIGITS / "expected.npy", allow_pickle=False)
    import onnx

    graph = onnx.load(networks.DIGITS / "digits.onnx").graph
    return [networks.Question(f"image {i}",
                              {graph.input[0].name: images[i:i + 1]},
                              {graph.output[0].name: wants[i:i + 1]})
            for i in range(4)]


def made_networks(folder):
    """{name: the networks that may answer to it}: two for the one that changes."""
    digits = networks.DIGITS / "digits.onnx"
    made = {"mobilenet": "mobilenet_v2_64", "resnet": "resnet50_64",
            "bert": "bert_small_opset17"}
    all_of = {"digits": [Network("digits", digits, digits_questions(),
                                 WEIGHTS["digits"], folder)],
              CHANGING: [Network(CHANGING, digits, digits_questions(), weights,
                                 folder) for weights in ("f32", "i8")]}
    for name, model in made.items():
        home = networks.made(model)
        all_of[name] = [Network(name, home / "model.onnx",
                                networks.data_sets(home), WEIGHTS[name],
                                folder)]
    return all_of


class Tally:
    """What happened, and what should not have. Any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.wrong = []

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def complain(self, what):
        with self.lock:
            self.wrong.append(what)
            self.counts["WRONG"] += 1

    def print(self):
        for what, count in sorted(self.counts.items()):
            print(f"{count:9d}  {what}")
        for what, count in collections.Counter(self.wrong).most_common(20):
            print(f"wrong, {count} times: {what}")


def used_by(pid):
    folder = pathlib.Path(f"/proc/{pid}")
    return {"threads": number_in(folder / "status", "Threads"),
            "files": len(list((folder / "fd").iterdir())),
            "memory": 1024 * (number_in(folder / "status", "VmRSS") +
                              number_in(folder / "status", "HugetlbPages"))}


def least_budget(candidates, options):
    """What the daemon says is the smallest that would do, whichever network
    answers to a name."""
    return max(least_budget_of({name: each[i % len(each)].layers
                                for name, each in candidates.items()}, options)
               for i in range(max(map(len, candidates.values()))))


def least_budget_of(layers, options):
    with Daemon(layers, "--threads", str(options.threads),
                configs=CONFIGS) as daemon:
        refused = layerctl("budget", "4KiB", "--address", daemon.address)
    for word in refused.err.replace(",", " ").split():
        if word.isdigit() and int(word) > MIB:
            return int(word)
    raise SystemExit(f"soak: no smallest budget in: {refused.err}")


def ask_all(daemon, candidates, tally):
    asker = Asker(daemon.address, candidates, tally, 0)
    for name, networks_of in candidates.items():
        for index, question in enumerate(networks_of[0].questions):
            answer = asker.client.infer(name, asker.inputs_of(question))
            asker.check(name, networks_of, index, answer)
    asker.client.close()


def settled(pid, before):
    """What is used once no more than `before` is, or after a while."""
    bounds = {"threads": THREADS_LEFT_MAX, "files": 2}
    if not is_instrumented():  # A sanitizer keeps memory of its own.
        bounds["memory"] = MEMORY_LEFT_MAX
    patience = threading.Event()
    end = time.monotonic() + SETTLING_S
    while True:
        now = used_by(pid)
        over = [f"{what}: {now[what]}, before {before[what]}"
                for what, allowed in bounds.items()
                if now[what] > before[what] + allowed]
        if not over or time.monotonic() > end:
            return now, over
        patience.wait(0.5)


def let_loose(operator, askers, daemon, options, tally):
    """All at once for as long as is asked for, or until the daemon ends."""
    over = threading.Event()
    threads = [threading.Thread(target=operator.operate_until, args=(over,))]
    threads += [threading.Thread(target=asker.ask_until, args=(over,))
                for asker in askers]
    for thread in threads:
        thread.start()
    end = time.monotonic() + options.seconds
    while time.monotonic() < end and daemon.process.poll() is None:
        over.wait(min(10, max(0, end - time.monotonic())))
        if options.progress:
            print(used_by(daemon.process.pid), dict(tally.counts),
                  file=sys.stderr)
    over.set()
    for thread in threads:
        thread.join()
    for asker in askers:
        asker.client.close()


def soak(options, candidates, tally):
    least = least_budget(candidates, options)
    most = 4 * least
    with Daemon({name: each[0].layers for name, each in candidates.items()},
                "--threads", str(options.threads), "--memory-budget", str(most),
                "--level-order", options.level_order,
                configs=CONFIGS, patience_s=300) as daemon:
        operator = Operator(daemon, candidates, tally, options.seed, least,
                            most)
        ask_all(daemon, candidates, tally)
        operator.layerctl("budget", least)
        ask_all(daemon, candidates, tally)
        before = used_by(daemon.process.pid)
        askers = [Asker(daemon.address, candidates, tally,
                        options.seed * 1000 + i) for i in range(ASKERS)]
        let_loose(operator, askers, daemon, options, tally)
        if daemon.process.poll() is not None:
            tally.complain(f"layerd has ended: {daemon.close()}")
            return
        operator.layerctl("load", LOADED)
        operator.layerctl("budget", least)
        ask_all(daemon, candidates, tally)
        after, left = settled(daemon.process.pid, before)
        for what in left:
            tally.complain(f"left behind: {what}")
        print(f"before {before}\nafter  {after}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--level-order", default="fifo")
    parser.add_argument("--progress", action="store_true")
    options = parser.parse_args()
    os.chdir(ROOT)
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        candidates = made_networks(pathlib.Path(folder))
        soak(options, candidates, tally)
    tally.print()
    print("all right" if not tally.wrong else f"{len(tally.wrong)} wrong")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
