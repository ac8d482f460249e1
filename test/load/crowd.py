"""Who is around a layerd that soak.py runs: clients, and an operator.

What they hear and should not have heard goes to a tally.
"""

import os
import pathlib
import random
import socket
import tempfile
import threading

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import (InferenceServerException, np_to_triton_dtype)

from layerd import layerctl

# Names of networks: the operator replaces one and unloads the other, and
# clients may hear so.
CHANGING, LOADED = "changing", "resnet"


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
