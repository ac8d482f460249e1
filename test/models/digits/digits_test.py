"""Is what is committed here what README.md says it is?"""

import os
import sys
import unittest

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))

import oracle
from compare import compare

MODEL = os.path.join(HERE, "digits.onnx")


def load(name):
    return np.load(os.path.join(HERE, name))


class Digits(unittest.TestCase):
    def test_it_reads_at_least_97_of_the_100_digits(self):
        logits = oracle.answer(MODEL, {"image": load("images.npy")})["logits"]
        right = (logits.argmax(1) == load("labels.npy")).sum()
        self.assertGreaterEqual(right, 97)

    def test_the_expected_logits_are_onnx_runtimes(self):
        logits = oracle.answer(MODEL, {"image": load("images.npy")})["logits"]
        reason, words = compare(logits, load("expected.npy"))
        self.assertIsNone(reason, words)

    def test_each_sample_shows_the_digit_it_is_named_after(self):
        for digit in range(10):
            image = load(f"samples/d{digit}.npy")
            logits = oracle.answer(MODEL, {"image": image})["logits"]
            self.assertEqual(logits.argmax(), digit)

    def test_ten_digits_of_each_class_are_committed(self):
        counts = np.bincount(load("labels.npy"))
        self.assertEqual(counts.tolist(), [10] * 10)

    def test_the_network_is_small_and_nothing_in_it_is_folded(self):
        self.assertLessEqual(os.path.getsize(MODEL), 600_000)
        ops = [node.op_type for node in onnx.load(MODEL).graph.node]
        for op, count in {
            "Conv": 5,
            "BatchNormalization": 5,
            "Add": 2,
            "MaxPool": 1,
            "Flatten": 1,
            "Gemm": 3,
        }.items():
            self.assertEqual(ops.count(op), count, op)


if __name__ == "__main__":
    unittest.main()
