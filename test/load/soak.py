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
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(os.path.realpath(__file__)).parents[2]
sys.path[:0] = [str(ROOT / "test" / "tools"), str(ROOT / "test" / "e2e")]

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import (InferenceServerException, np_to_triton_dtype)

import asking
import networks
from layerd import Daemon, MIB, layerctl, number_in

ASKERS = 6
# Their names say who replaces, unloads and asks them.
CHANGING, LOADED = "changing", "resnet"
WEIGHTS = {"digits": "f32", "mobilenet": "bf16", "resnet": "i8", "bert": "f16"}
CONFIGS = {"digits": "priority: 1\n",
           "mobilenet": "priority: 2\nlower_to: 4\n",
           "resnet": "priority: 3\n",
           "bert": "priority: 4\n",
           "changing": "priority: 2\n"}
# Of the process, when all is over, beyond what it had after every network had
# been asked once with the same budget.
MEMORY_LEFT_MAX = 16 * MIB
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


class Asker:
    """One client on a connection of its own, that asks as its dice say."""

    def __init__(self, address, candidates, tally, seed):
        self.client = triton.InferenceServerClient(
            address, channel_args=[("grpc.use_local_subchannel_pool", 1)])
        self.candidates, self.tally = candidates, tally
        self.dice = random.Random(seed)

    def ask_until(self, over):
        while not over.is_set():
            try:
                self.dice.choices(
                    [self.ask_calmly, self.ask_in_a_hurry, self.give_up,
                     self.talk_nonsense, self.ask_around],
                    [60, 15, 10, 10, 5])[0]()
            except Exception as error:  # Whatever it is, it is not expected.
                self.tally.complain(f"{type(error).__name__}: {error}")

    def pick(self):
        name = self.dice.choice(sorted(self.candidates))
        networks_of = self.candidates[name]
        index = self.dice.randrange(len(networks_of[0].questions))
        return name, networks_of, index

    @staticmethod
    def inputs_of(question):
        inputs = []
        for name, array in question.inputs.items():
            inputs.append(triton.InferInput(name, list(array.shape),
                                            np_to_triton_dtype(array.dtype)))
            inputs[-1].set_data_from_numpy(array)
        return inputs

    def ask_calmly(self):
        options = {}
        if self.dice.random() < 0.3:
            options["priority"] = self.dice.randrange(1, 6)
        self.ask("answered", **options)

    def ask_in_a_hurry(self):
        microseconds = int(1000 * 10 ** self.dice.uniform(-1, 2))
        self.ask("answered in time", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED",
                 timeout=microseconds)

    def ask(self, done, *may_hear, **options):
        name, networks_of, index = self.pick()
        question = networks_of[0].questions[index]
        may_hear = {*may_hear, *self.unavailable(name)}
        try:
            answer = self.client.infer(name, self.inputs_of(question),
                                       **options)
        except InferenceServerException as error:
            self.hear(name, error, may_hear)
            return
        self.check(name, networks_of, index, answer)
        self.tally.count(done)

    def check(self, name, networks_of, index, answer):
        for network in networks_of:
            if all(np.array_equal(answer.as_numpy(output).view(np.uint8),
                                  want.view(np.uint8))
                   for output, want in network.answers[index].items()):
                return
        self.tally.complain(f"{name}, question {index}: other bits")

    @staticmethod
    def unavailable(name):
        return ("UNAVAILABLE", "NOT_FOUND") if name == LOADED else ()

    def hear(self, name, error, may_hear):
        code = str(error.status()).removeprefix("StatusCode.")
        if code in may_hear:
            self.tally.count(f"{code} of {name}")
        else:
            self.tally.complain(f"{name}: {code}: {error.message()}")

    def give_up(self):
        name, networks_of, index = self.pick()
        ended, heard = threading.Event(), []

        def hear(result, error):
            heard.append((result, error))
            ended.set()

        call = self.client.async_infer(
            name, self.inputs_of(networks_of[0].questions[index]), hear)
        ended.wait(self.dice.uniform(0, 0.03))
        call.cancel()
        if not ended.wait(60):
            self.tally.complain(f"{name}: a cancelled call never ended")
            return
        result, error = heard[0]
        if error is None:
            self.check(name, networks_of, index, result)
            self.tally.count("answered before it was cancelled")
        elif "cancel" in str(error).lower():
            self.tally.count("cancelled")
        else:
            self.hear(name, error, {*self.unavailable(name)})

    def talk_nonsense(self):
        name, networks_of, index = self.pick()
        inputs = self.inputs_of(networks_of[0].questions[index])
        kind = self.dice.randrange(4)
        if kind == 0:
            inputs[0].set_shape([7, 7])
        elif kind == 1:
            inputs = inputs[1:] + [triton.InferInput("nobody", [1], "FP32")]
            inputs[-1].set_data_from_numpy(np.zeros(1, np.float32))
        elif kind == 2:
            name = "nobody"
        else:
            inputs[0]._raw_content = self.dice.randbytes(13)
        try:
            self.client.infer(name, inputs)
            self.tally.complain(f"{name}: nonsense {kind} was answered")
        except InferenceServerException as error:
            self.hear(name, error, {"INVALID_ARGUMENT", "NOT_FOUND",
                                    *self.unavailable(name)})

    def ask_around(self):
        self.client.is_server_ready()
        self.client.get_server_metadata()
        self.client.get_model_repository_index()
        self.client.get_inference_statistics()
        self.tally.count("asked around")


class Operator:
    """Who runs the machine, and has no mercy."""

    def __init__(self, daemon, candidates, tally, seed, least, most):
        self.daemon, self.candidates, self.tally = daemon, candidates, tally
        self.dice = random.Random(seed)
        self.least, self.most = least, most

    def operate_until(self, over):
        while not over.wait(self.dice.uniform(0, 0.3)):
            self.dice.choices(
                [self.change_budget, self.reload, self.replace, self.look,
                 self.knock],
                [30, 10, 20, 10, 30])[0]()

    def layerctl(self, *words):
        ended = layerctl(*words, "--address", self.daemon.address)
        if ended.status != 0:
            self.tally.complain(f"layerctl {words}: {ended.err.strip()}")
        self.tally.count(f"layerctl {words[0]}")

    def change_budget(self):
        size = self.dice.choice(
            [self.least, self.most, self.dice.randint(self.least, self.most)])
        self.layerctl("budget", size)

    def reload(self):
        self.layerctl("unload", LOADED)
        self.layerctl("load", LOADED)

    def replace(self):
        """By rename, as whoever deploys a model should."""
        network = self.dice.choice(self.candidates[CHANGING])
        place = (pathlib.Path(self.daemon.kept.name) / "models" / CHANGING /
                 "1" / "model.layers")
        new = place.with_suffix(".new")
        new.symlink_to(network.layers)
        os.replace(new, place)
        self.layerctl("load", CHANGING)

    def look(self):
        with tempfile.NamedTemporaryFile() as file:
            self.layerctl("trace", "-o", file.name)
        self.layerctl("status")
        self.layerctl("budget")
        self.layerctl("watch", "--count", 1, "--json")

    def knock(self):
        """Somebody on the port who speaks no gRPC, and hangs up."""
        host, port = self.daemon.address.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as caller:
            caller.sendall(self.dice.randbytes(self.dice.randrange(1, 5000)))
        self.tally.count("knocks")


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
    patience = threading.Event()
    end = time.monotonic() + SETTLING_S
    while True:
        now = used_by(pid)
        over = [f"{what}: {now[what]}, before {before[what]}"
                for what, allowed in (("threads", THREADS_LEFT_MAX), ("files", 2),
                                      ("memory", MEMORY_LEFT_MAX))
                if now[what] > before[what] + allowed]
        if not over or time.monotonic() > end:
            return now, over
        patience.wait(0.5)


def soak(options, candidates, tally):
    least = least_budget(candidates, options)
    most = 4 * least
    with Daemon({name: each[0].layers for name, each in candidates.items()},
                "--threads", str(options.threads), "--memory-budget", str(most),
                "--level-order", options.level_order,
                configs=CONFIGS, patience_s=300) as daemon:
        ask_all(daemon, candidates, tally)
        before = used_by(daemon.process.pid)
        over = threading.Event()
        operator = Operator(daemon, candidates, tally, options.seed, least,
                            most)
        askers = [Asker(daemon.address, candidates, tally,
                        options.seed * 1000 + i) for i in range(ASKERS)]
        threads = [threading.Thread(target=operator.operate_until,
                                    args=(over,))]
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
        if daemon.process.poll() is not None:
            tally.complain(f"layerd has ended: {daemon.close()}")
            return
        operator.layerctl("budget", most)
        operator.layerctl("load", LOADED)
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
