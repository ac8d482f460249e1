"""What resnet50, 102 MB of weights, takes: memory to serve and to pack it, and
reads from the drive."""

import json
import os
import pathlib
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import networks
from layerd import MIB, Daemon, is_instrumented, layerctl

SERVING_MAX = 120 * MIB
CONTRACT_MAX = 52 * MIB
PACKING_MAX = 160 * MIB
WEIGHT_BYTES = 102_440_608
BUDGET_BYTES = 8 * MIB


class Resnet50(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = networks.made("resnet50")
        cls.image = networks.questions(cls.folder)[0]
        cls.kept = tempfile.TemporaryDirectory()
        cls.layers = pathlib.Path(cls.kept.name) / "model.layers"
        cls.packed = layerctl(
            "pack", cls.folder / "model.onnx", "-o", cls.layers
        )

    @classmethod
    def tearDownClass(cls):
        cls.kept.cleanup()

    def setUp(self):
        self.assertEqual(self.packed.status, 0, self.packed.err)

    def ask(self, daemon):
        ended = layerctl(
            "infer", "resnet50", self.image, "--address", daemon.address
        )
        self.assertEqual(ended.status, 0, ended.err)

    def serve(self, path, budget):
        # What is read is counted.
        daemon = Daemon(
            {"resnet50": path},
            "--weight-budget", str(budget),
            "--measure-costs", "false",
        )
        self.addCleanup(daemon.end)
        return daemon

    def check_peak(self, what, peak, peak_max):
        print(f"{what}: {peak / MIB:.1f} MiB at most, {peak_max / MIB:.0f} may")
        if is_instrumented():
            print("SKIPPED: a sanitizer takes memory of its own")
            return
        self.assertLess(peak, peak_max)

    def test_packing_takes_less_than_160_mib(self):
        self.check_peak("packing", self.packed.peak_bytes, PACKING_MAX)

    def test_answering_over_grpc_takes_less_than_120_mib(self):
        daemon = self.serve(self.layers, BUDGET_BYTES)
        for _ in range(5):
            self.ask(daemon)
        self.check_peak("serving", daemon.peak_bytes(), SERVING_MAX)

    def test_a_memory_budget_is_a_contract(self):
        plan = layerctl("plan", self.layers, "--json")
        base = json.loads(plan.out)["base_bytes"]
        daemon = Daemon({"resnet50": self.layers}, "--memory-budget", "16MiB")
        self.addCleanup(daemon.end)
        for _ in range(3):
            self.ask(daemon)
        told = layerctl("budget", "--json", "--address", daemon.address)
        self.assertEqual(json.loads(told.out)["base_bytes"], base)
        peak = daemon.peak_bytes()
        self.check_peak("a budget of 16 MiB", peak, CONTRACT_MAX)
        self.check_peak("base and budget", peak, base + 16 * MIB)

    def test_so_it_does_when_the_daemon_had_the_onnx_file_packed(self):
        daemon = self.serve(self.folder / "model.onnx", BUDGET_BYTES)
        self.ask(daemon)
        self.check_peak("serving", daemon.peak_bytes(), SERVING_MAX)

    def test_streaming_reads_the_weights_for_every_request(self):
        daemon = self.serve(self.layers, BUDGET_BYTES)
        if daemon.read_bytes() == 0:
            print("SKIPPED: the kernel counts no reads on this file system")
            return
        self.ask(daemon)
        for _ in range(3):
            before = daemon.read_bytes()
            self.ask(daemon)
            read = daemon.read_bytes() - before
            print(f"streaming: {read} bytes read for one request")
            self.assertGreaterEqual(read, WEIGHT_BYTES - BUDGET_BYTES)

    def test_resident_it_reads_nothing_after_the_first_request(self):
        daemon = self.serve(self.layers, "all")
        self.ask(daemon)
        before = daemon.read_bytes()
        for _ in range(3):
            self.ask(daemon)
        self.assertEqual(daemon.read_bytes() - before, 0)


if __name__ == "__main__":
    unittest.main()
