"""Tests of compare.py: it must say no as well as yes."""

import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import tensors
from compare import compare

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 7


def spread(count=1000, scale=1.0, dtype=np.float32):
    rng = np.random.default_rng(SEED)
    return (scale * rng.standard_normal(count)).astype(dtype)


class Agreement(unittest.TestCase):
    def agrees(self, got, want, **bounds):
        reason, words = compare(got, want, **bounds)
        self.assertIsNone(reason, words)

    def differs(self, got, want, why, **bounds):
        reason, _ = compare(got, want, **bounds)
        self.assertIsNotNone(reason, f"should differ: {why}")
        self.assertIn(why, reason)

    def test_equal_tensors_agree(self):
        self.agrees(spread(), spread())

    def test_rounding_agrees(self):
        want = spread(scale=100)
        self.agrees(want * np.float32(1 + 1e-6), want)

    def test_one_wrong_element_is_found(self):
        got = spread()
        got[123] += 0.01
        self.differs(got, spread(), "1 of 1000 elements")

    def test_atol_grows_with_the_largest_element(self):
        want = np.array([0, 6000], np.float32)
        self.agrees(np.array([0.5, 6000], np.float32), want)
        self.differs(np.array([0.7, 6000], np.float32), want, "1 of 2")

    def test_flat_answers_differ_even_within_the_element_bound(self):
        want = np.linspace(-9e-5, 9e-5, 1000, dtype=np.float32)
        self.differs(np.zeros_like(want), want, "together")

    def test_half_precision_has_its_own_bound(self):
        want = spread(dtype=np.float16)
        got = (want.astype(np.float32) + 0.03).astype(np.float16)
        self.agrees(got, want, rtol=1e-2, atol=0.05)
        got, want = got.astype(np.float32), want.astype(np.float32)
        self.differs(got, want, "together", rtol=1e-2, atol=0.05)

    def test_datatype_and_shape_must_be_equal(self):
        self.differs(spread(dtype=np.float64), spread(), "datatype is float64")
        self.differs(spread().reshape(10, 100), spread(), "[10, 100]")

    def test_nan_and_infinity_never_agree(self):
        for wild in (np.nan, np.inf):
            want = spread()
            want[5] = wild
            self.differs(spread(), want, "want is")
            self.differs(want, spread(), "got is")
            self.differs(want, want, "want is")

    def test_integers_must_be_equal(self):
        want = np.arange(10**6, 10**6 + 100)
        self.agrees(want.copy(), want)
        got = want.copy()
        got[7] += 1
        self.differs(got, want, "1 of 100 elements differ, the first at [7]")

    def test_top1_asks_for_the_same_class(self):
        want = np.array([0.1, 0.5, 0.500001], np.float32)
        got = np.array([0.1, 0.500001, 0.5], np.float32)
        self.agrees(got, want)
        self.differs(got, want, "largest element is at [1]", top1=True)


class Files(unittest.TestCase):
    def run_tool(self, *words):
        return subprocess.run(
            [sys.executable, "-B", os.path.join(HERE, words[0]), *words[1:]],
            capture_output=True,
            text=True,
        )

    def test_pb_and_npy_hold_the_same_tensor(self):
        with tempfile.TemporaryDirectory() as folder:
            names = ("a.pb", "a.npy", "b.npy")
            pb, npy, off = (os.path.join(folder, name) for name in names)
            tensors.save_pb(pb, "x", spread().reshape(1, 10, 100))
            self.assertEqual(self.run_tool("pb2npy.py", pb, npy).returncode, 0)
            same = self.run_tool("compare.py", npy, pb)
            self.assertEqual(same.returncode, 0, same.stdout + same.stderr)

            tensors.save_npy(off, tensors.load(npy) + np.float32(1))
            other = self.run_tool("compare.py", off, pb)
            self.assertEqual(other.returncode, 1)
            self.assertIn("1000 of 1000 elements", other.stdout)
            gone = self.run_tool("compare.py", off + ".npy", pb)
            self.assertEqual(gone.returncode, 2, gone.stderr)


if __name__ == "__main__":
    unittest.main()
