"""Does a flood of best effort beside it disturb an urgent model? mobilenet_v2
thirty times a second, resnet50 as often as it can, in one daemon."""

import json
import os
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

import networks
from layerd import Daemon, is_instrumented, layerctl

REQUESTS = 90
PERIOD_S = 1 / 30
# Generous, for a machine that also does other things: without preemption an
# urgent request waits for whole inferences of the flood.
TIMEOUT_US = 1_000_000
FLOODERS = 3


class Asker:
    """A client, and one question to one model."""

    def __init__(self, address, model, folder):
        self.client = triton.InferenceServerClient(address)
        self.model = model
        question = networks.data_sets(folder)[0]
        (name, array), = question.inputs.items()
        self.input = triton.InferInput(name, list(array.shape), "FP32")
        self.input.set_data_from_numpy(array)
        self.output = next(iter(question.wants))

    def ask(self, **options):
        answer = self.client.infer(self.model, [self.input], **options)
        return answer.as_numpy(self.output), answer.get_response()


class Flood(unittest.TestCase):
    @unittest.skipIf(is_instrumented(), "a sanitizer's times say nothing")
    def test_an_urgent_model_is_on_time_beside_a_flood(self):
        folders = {name: networks.made(name)
                   for name in ("mobilenet_v2", "resnet50")}
        with Daemon({name: folder / "model.onnx"
                     for name, folder in folders.items()},
                    "--weight-budget", "24MiB", "--threads", "1",
                    configs={"mobilenet_v2": "priority: 1\n",
                             "resnet50": "priority: 4\n"}) as daemon:
            self.beside(daemon, folders)

    def beside(self, daemon, folders):
        urgent = Asker(daemon.address, "mobilenet_v2", folders["mobilenet_v2"])
        calm, _ = urgent.ask()
        floods = [Asker(daemon.address, "resnet50", folders["resnet50"])
                  for _ in range(FLOODERS)]
        # Twice: the first reads what stays in memory, too.
        floods[0].ask()
        expected, calm_response = floods[0].ask()
        streamed = calm_response.parameters["layerd_read_bytes"].int64_param
        over, wrong, preempted, read = threading.Event(), [], [], []

        def flood(asker):
            while not over.is_set():
                try:
                    answer, response = asker.ask()
                except InferenceServerException as error:
                    wrong.append(str(error))
                    continue
                if not np.array_equal(answer, expected):
                    wrong.append("other bits")
                preempted.append(
                    response.parameters["layerd_preemptions"].int64_param)
                read.append(
                    response.parameters["layerd_read_bytes"].int64_param)

        threads = [threading.Thread(target=flood, args=(f,)) for f in floods]
        for thread in threads:
            thread.start()
        begun, missed = time.monotonic(), []
        for number in range(REQUESTS):
            over.wait(max(0, begun + number * PERIOD_S - time.monotonic()))
            try:
                answer, _ = urgent.ask(timeout=TIMEOUT_US)
                if not np.array_equal(answer, calm):
                    missed.append("other bits")
            except InferenceServerException as error:
                missed.append(str(error))
        over.set()
        for thread in threads:
            thread.join()

        self.look_back(daemon)
        self.assertEqual(missed, [])
        self.assertEqual(wrong, [])
        self.assertGreater(len(preempted), FLOODERS)
        self.assertGreater(sum(preempted), 0)
        self.assertLessEqual(max(read), streamed, "read twice")

    def check_format(self, event):
        """As Chrome's and Perfetto's viewers want it (the trace event format):
        what they do not understand they leave out in silence."""
        self.assertIn(event["ph"], ("X", "i", "M"))
        self.assertIsInstance(event["name"], str)
        self.assertIsInstance(event["pid"], int)
        if event["ph"] == "M":
            self.assertIn("name", event["args"])
            return
        self.assertIsInstance(event["tid"], int)
        self.assertIsInstance(event["ts"], (int, float))
        if event["ph"] == "X":
            self.assertGreaterEqual(event["dur"], 0)
        else:
            self.assertIn(event["s"], ("t", "p", "g"))

    def look_back(self, daemon):
        """What trace and watch tell of it."""
        with tempfile.NamedTemporaryFile() as file:
            told = layerctl("trace", "-o", file.name,
                            "--address", daemon.address)
            self.assertEqual(told.status, 0, told.err)
            events = json.load(open(file.name))["traceEvents"]
        for event in events:
            self.check_format(event)
        kinds = {event.get("cat") for event in events}
        self.assertLessEqual(
            {"part", "read", "job", "queued", "preempted", "received", "sent"},
            kinds)
        last = {}
        for event in events:
            if event.get("cat") == "part":
                begin, end = event["ts"], event["ts"] + event["dur"]
                self.assertGreaterEqual(begin + 1, last.get("end", 0),
                                        "two parts at a time")
                last["end"] = end
        watched = layerctl("watch", "--count", 1, "--json",
                           "--address", daemon.address)
        self.assertEqual(watched.status, 0, watched.err)
        models = {m["name"]: m for m in json.loads(watched.out)["models"]}
        self.assertGreater(models["mobilenet_v2"]["answered"], 0)


if __name__ == "__main__":
    unittest.main()
