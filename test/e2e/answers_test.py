"""Does layerd answer as ONNX Runtime does, with and without a daemon?"""

import os
import pathlib
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import asking
import networks
import oracle
import tensors
from layerd import Daemon


def digits():
    model = networks.DIGITS / "digits.onnx"
    (name,) = oracle.input_names(str(model))
    asked = []
    for sample in sorted((networks.DIGITS / "samples").glob("*.npy")):
        feeds = {name: tensors.load(str(sample))}
        wants = oracle.answer(str(model), feeds)
        asked.append(networks.Question(sample.name, feeds, wants))
    return model, asked


def shared(name):
    folder = networks.shared(name)
    return folder / "model.onnx", networks.data_sets(folder)


def made(name):
    folder = networks.made(name)
    return folder / "model.onnx", networks.data_sets(folder)


# Name: where it is, and the weight budgets it is asked under.
NETWORKS = {
    "digits": (digits, ["107KiB", "all"]),
    "mnist-cntk": (shared, ["all"]),
    "squeezenet-fp16": (shared, ["2MiB", "all"]),
    "super-resolution": (shared, ["1MiB"]),
    "fastestdet": (shared, ["1MiB"]),
    "yunet-n-320": (shared, ["1MiB"]),
    "ultraface-rfb-320": (shared, ["1MiB"]),
    "external_data": (made, ["all"]),
    "bert_small_opset11": (made, ["1MiB"]),
    "bert_small_opset17": (made, ["1MiB"]),
    "bert_small_opset20": (made, ["1MiB"]),
    "resnet50": (made, ["4MiB", "all"]),
    "mobilenet_v2": (made, ["2MiB", "all"]),
}
# The class with the highest probability must also be the same.
CLASSIFIERS_OF_HALVES = {"squeezenet-fp16"}


class Answers(unittest.TestCase):
    def ask(self, name, asker_of):
        """`asker_of` (layers, budget) gives a function that answers."""
        where, budgets = NETWORKS[name]
        try:
            model, questions = where(name) if where != digits else digits()
        except networks.Missing as missing:
            print(f"SKIPPED: {missing}")
            return
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            layers = folder / "model.layers"
            asking.pack(model, layers)
            for budget in budgets:
                ask = asker_of(layers, budget)
                for question in questions:
                    got, _ = ask(question, folder)
                    top1 = name in CLASSIFIERS_OF_HALVES
                    wrong = asking.why_wrong(got, question, top1)
                    self.assertIsNone(wrong, f"{question.title}: {wrong}")

    def run_of(self, layers, budget):
        return lambda question, folder: asking.run(
            layers, question, folder, budget
        )

    def infer_of(self, layers, budget):
        daemon = Daemon({"m": layers}, "--weight-budget", budget)
        self.addCleanup(daemon.end)
        return lambda question, folder: asking.infer(
            daemon.address, "m", question, folder
        )


def add_tests():
    for name in NETWORKS:
        for way, title in (("run_of", "layerctl_run"), ("infer_of", "layerd")):
            def test(self, name=name, way=way):
                self.ask(name, getattr(self, way))
            setattr(
                Answers, f"test_{title}_answers_{name.replace('-', '_')}", test
            )


add_tests()

if __name__ == "__main__":
    unittest.main()
