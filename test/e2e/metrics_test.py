"""What the daemon counts, as Prometheus's own client library reads it."""

import json
import os
import re
import sys
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np
import tritonclient.grpc as triton
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.utils import InferenceServerException

import networks
from layerd import Daemon, layerctl

ASKED = 3
DIGITS = {"model": "digits", "version": "1"}
DASHBOARD = networks.ROOT / "deploy" / "grafana" / "layerd.json"


def get(url):
    with urllib.request.urlopen(url, timeout=60) as reply:
        return reply.read().decode(), reply.headers


class Scrape:
    """All samples of one look: {(name, labels): value}, names of families."""

    def __init__(self, url):
        self.text, headers = get(url)
        self.content_type = headers["Content-Type"]
        self.families = list(text_string_to_metric_families(self.text))
        self.samples = [
            sample for family in self.families for sample in family.samples
        ]

    def value(self, name, **labels):
        found = [
            sample.value
            for sample in self.samples
            if sample.name == name
            and labels.items() <= sample.labels.items()
        ]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} samples of {name} {labels}")
        return found[0]


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(
            {name: networks.DIGITS / "digits.onnx"
             for name in ("digits", "broken")},
            "--weight-budget", "107KiB", "--measure-costs", "false",
            configs={"broken": "priority: none\n"},
        )
        cls.url = cls.daemon.metrics_url()
        for _ in range(ASKED):
            cls.ask("digits")
        cls.ask("digits", "--timeout-us", "1")
        for model in ("nobody", "broken"):
            cls.ask_in_vain(model)
        cls.scrape = Scrape(cls.url)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.end()

    @classmethod
    def ask(cls, model, *flags):
        return layerctl(
            "infer", model, "--random", *flags, "--address", cls.daemon.address
        )

    @classmethod
    def ask_in_vain(cls, model):
        tensor = triton.InferInput("x", [1], "FP32")
        tensor.set_data_from_numpy(np.zeros(1, np.float32))
        with triton.InferenceServerClient(cls.daemon.address) as client:
            try:
                client.infer(model, [tensor])
            except InferenceServerException:
                pass

    def test_prometheus_reads_every_family_once(self):
        self.assertIn("version=0.0.4", self.scrape.content_type)
        names = [family.name for family in self.scrape.families]
        self.assertEqual(len(names), len(set(names)))
        for family in self.scrape.families:
            self.assertTrue(family.documentation, family.name)
            self.assertIn(family.type, ("counter", "gauge", "histogram"))

    def test_requests_are_counted_by_how_they_ended(self):
        value = self.scrape.value
        requests = "layerd_requests_total"
        self.assertEqual(
            value(requests, **DIGITS, priority="3", code="OK"), ASKED
        )
        self.assertEqual(
            value(requests, **DIGITS, code="DEADLINE_EXCEEDED"), 1
        )
        self.assertEqual(value(requests, model="", code="NOT_FOUND"), 1)
        self.assertEqual(
            value(requests, model="broken", version="1", code="UNAVAILABLE"), 1
        )

    def test_triton_s_counters_have_its_names(self):
        # The library's parser gives counters its own.
        self.assertIn(
            'nv_inference_request_success{model="digits",version="1"} '
            f"{ASKED}\n",
            self.scrape.text,
        )

    def test_times_are_there_and_add_up(self):
        value = self.scrape.value
        sums = {}
        for part in ("", "queue_", "compute_", "load_wait_"):
            family = f"layerd_request_{part}duration_seconds"
            self.assertEqual(value(family + "_count", **DIGITS), ASKED)
            self.assertEqual(
                value(family + "_bucket", **DIGITS, le="+Inf"), ASKED
            )
            sums[part] = value(family + "_sum", **DIGITS)
        self.assertGreater(sums["compute_"], 0)
        self.assertGreaterEqual(sums[""], sums["queue_"] + sums["compute_"])
        self.assertGreaterEqual(sums["compute_"], sums["load_wait_"])

    def test_state_memory_and_reads_are_told(self):
        value = self.scrape.value
        self.assertEqual(value("layerd_ready"), 1)
        self.assertEqual(value("layerd_models", state="READY"), 1)
        self.assertEqual(value("layerd_model_ready", **DIGITS), 1)
        weights = sum(
            value("layerd_memory_bytes", use=use)
            for use in ("ring", "head", "decode", "table")
        )
        self.assertGreater(weights, 0)
        self.assertLessEqual(weights, 107 << 10)
        self.assertEqual(
            value("layerd_memory_budget_bytes", of="weights"), 107 << 10
        )
        self.assertEqual(
            value("layerd_memory_budget_bytes", of="memory"), float("inf")
        )
        self.assertGreater(value("layerd_weight_read_bytes_total"), 0)
        for assumption in ("overrun", "processor", "drive", "other"):
            self.assertEqual(value("layerd_promises_broken_total",
                                   assumption=assumption), 0)
        self.assertEqual(value("layerd_request_memory_bytes", kind="used"), 0)
        self.assertGreater(value("process_resident_memory_bytes"), 1 << 20)

    def test_the_page_draws_what_is_told(self):
        page, headers = get(self.url.removesuffix("metrics"))
        self.assertIn("text/html", headers["Content-Type"])
        self.assertNotRegex(page, r"(src|href)=.https?://")
        self.check_names(set(re.findall(r"\"((?:layerd|process)_\w+)\"", page)))

    def test_the_dashboard_asks_for_what_is_told(self):
        panels = json.loads(DASHBOARD.read_text())["panels"]
        asked = [
            target["expr"]
            for panel in panels
            for target in panel.get("targets", [])
        ]
        self.assertGreater(len(asked), 5)
        self.check_names(set(re.findall(
            r"\b(?:layerd|nv|process)_\w+", " ".join(asked)
        )))

    def check_names(self, names):
        told = {sample.name for sample in self.scrape.samples}
        told |= {family.name for family in self.scrape.families}
        self.assertTrue(names)
        self.assertEqual(names - told, set())

    def test_nothing_else_is_served(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            get(self.url + "/else")
        self.assertEqual(refused.exception.code, 404)
        refused.exception.close()


class Addresses(unittest.TestCase):
    def daemon(self, *flags):
        return Daemon(
            {"digits": networks.DIGITS / "digits.onnx"},
            "--measure-costs", "false", *flags,
        )

    def test_off_is_off(self):
        with self.daemon("--metrics", "off") as daemon:
            with self.assertRaises(AssertionError):
                daemon.metrics_url()

    def test_a_configured_address_that_is_taken_is_an_error(self):
        with self.daemon() as first:
            address = re.search(r"//(.*)/", first.metrics_url()).group(1)
            with self.assertRaisesRegex(AssertionError, "cannot listen"):
                self.daemon("--metrics", address)


if __name__ == "__main__":
    unittest.main()
