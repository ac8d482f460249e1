"""Does make.py make what it promises, once, and again when it was damaged?"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))

import oracle
import tensors
from compare import compare

NAME = "external_data"


def make(cache, name=NAME):
    script = os.path.join(HERE, "make.py")
    return subprocess.run(
        [sys.executable, "-B", script, "--cache", str(cache), name],
        capture_output=True,
        text=True,
    )


class Make(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.cache = pathlib.Path(kept.name)
        made = make(self.cache)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.folder = pathlib.Path(made.stdout.strip())
        self.made = (self.folder / "made.json").read_text()

    def inode(self):
        return (self.folder / "model.onnx").stat().st_ino

    def test_the_expected_outputs_are_the_models_and_spread(self):
        model = str(self.folder / "model.onnx")
        for k in (0, 1):
            data = self.folder / f"test_data_set_{k}"
            image = tensors.load(str(data / "input_0.npy"))
            want = tensors.load(str(data / "output_0.pb"))
            logits = oracle.answer(model, {"image": image})["logits"]
            reason, words = compare(logits, want)
            self.assertIsNone(reason, words)
            self.assertGreater(want.std(), 0.3)

    def test_npy_and_pb_hold_the_same(self):
        for pb in self.folder.rglob("*.pb"):
            same = np.array_equal(
                tensors.load(str(pb)), tensors.load(str(pb)[:-3] + ".npy")
            )
            self.assertTrue(same, pb)

    def test_large_weights_lie_outside_and_small_ones_inside(self):
        model = onnx.load(self.folder / "model.onnx", load_external_data=False)
        outside = {
            tensor.name
            for tensor in model.graph.initializer
            if tensor.data_location == onnx.TensorProto.EXTERNAL
        }
        self.assertEqual(outside, {"conv1.weight", "conv2.weight", "fc.weight"})
        self.assertGreater((self.folder / "weights.bin").stat().st_size, 20000)

    def test_what_is_there_is_left_alone(self):
        inode = self.inode()
        self.assertEqual(make(self.cache).stderr, "")
        self.assertEqual(self.inode(), inode)

    def test_what_is_damaged_is_made_again_with_the_same_bytes(self):
        weights = self.folder / "weights.bin"
        damaged = bytearray(weights.read_bytes())
        damaged[1000] ^= 1
        weights.write_bytes(damaged)
        self.assertIn("making", make(self.cache).stderr)
        self.assertEqual((self.folder / "made.json").read_text(), self.made)
        self.assertNotEqual(weights.read_bytes(), bytes(damaged))

    def test_of_parallel_calls_one_makes_and_all_are_served(self):
        (self.folder / "model.onnx").unlink()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            calls = list(pool.map(make, [self.cache] * 3))
        self.assertEqual([call.returncode for call in calls], [0, 0, 0])
        said = sum("making" in call.stderr for call in calls)
        self.assertEqual(said, 1)

    def test_an_unknown_name_is_refused_with_those_there_are(self):
        refused = make(self.cache, "vgg99")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("resnet50", refused.stderr)


if __name__ == "__main__":
    unittest.main()
