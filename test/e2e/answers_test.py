"""Does layerd answer as ONNX Runtime does, with and without a daemon?"""

import os
import pathlib
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import networks
import oracle
import tensors
from compare import compare
from layerd import Daemon, layerctl

DEFAULT = {"rtol": 1e-3, "atol": 1e-4}
HALF = {"rtol": 1e-2, "atol": 1e-2, "top1": True}


def digits():
    samples = sorted((networks.DIGITS / "samples").glob("*.npy"))
    return networks.DIGITS / "digits.onnx", samples


def shared(name):
    folder = networks.shared(name)
    return folder / "model.onnx", networks.questions(folder)


def made(name):
    folder = networks.made(name)
    return folder / "model.onnx", networks.questions(folder)


# Name: where it is, the rule, and the weight budgets it is asked under.
NETWORKS = {
    "digits": (digits, DEFAULT, ["107KiB", "all"]),
    "mnist_cntk": (lambda: shared("mnist-cntk"), DEFAULT, ["all"]),
    "squeezenet_fp16": (lambda: shared("squeezenet-fp16"), HALF,
                        ["2MiB", "all"]),
    "external_data": (lambda: made("external_data"), DEFAULT, ["all"]),
    "resnet50": (lambda: made("resnet50"), DEFAULT, ["4MiB", "all"]),
    "mobilenet_v2": (lambda: made("mobilenet_v2"), DEFAULT, ["2MiB", "all"]),
}


class Answers(unittest.TestCase):
    def ask(self, name, ask_layerd):
        """Compares what `ask_layerd` (layers, input, output) writes."""
        where, rule, budgets = NETWORKS[name]
        try:
            model, questions = where()
        except networks.Missing as missing:
            print(f"SKIPPED: {missing}")
            return
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            layers = folder / "model.layers"
            packed = layerctl("pack", model, "-o", layers)
            self.assertEqual(packed.status, 0, packed.err)
            for budget in budgets:
                self.check(model, questions, rule, folder,
                           ask_layerd(layers, budget))

    def check(self, model, questions, rule, folder, ask):
        name = oracle.input_names(str(model))[0]
        for question in questions:
            x = tensors.load(str(question))
            tensors.save_npy(folder / "x.npy", x)
            want = next(iter(oracle.answer(str(model), {name: x}).values()))
            (folder / "y.npy").unlink(missing_ok=True)
            ended = ask(folder / "x.npy", folder / "y.npy")
            self.assertEqual(ended.status, 0, ended.err)
            got = tensors.load(str(folder / "y.npy"))
            reason, words = compare(got, want, **rule)
            self.assertIsNone(reason, f"{question}: {words}")
            print(f"{model.parent.name}, {question.parent.name}: {words}")

    def run_of(self, layers, budget):
        return lambda x, y: layerctl(
            "run", layers, "--input", x, "--output", y, "--budget", budget
        )

    def infer_of(self, layers, budget):
        daemon = Daemon({"m": layers}, "--weight-budget", budget)
        self.addCleanup(daemon.end)
        return lambda x, y: layerctl(
            "infer", "m", "--input", x, "--output", y,
            "--address", daemon.address,
        )


def add_tests():
    for name in NETWORKS:
        for way, title in (("run_of", "layerctl_run"), ("infer_of", "layerd")):
            def test(self, name=name, way=way):
                self.ask(name, getattr(self, way))
            setattr(Answers, f"test_{title}_answers_{name}", test)


add_tests()

if __name__ == "__main__":
    unittest.main()
