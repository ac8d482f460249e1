"""Is layerd what a client expects that is not ours? NVIDIA's tritonclient."""

import asyncio
import os
import queue
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as aio
from tritonclient.utils import InferenceServerException

import networks
from compare import compare
from layerd import Daemon

PATIENCE_S = 60


def load(name):
    return np.load(networks.DIGITS / name)


def image_of(digits, count=1):
    x = triton.InferInput("image", [count, 1, 8, 8], "FP32")
    x.set_data_from_numpy(digits)
    return x


class TritonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(
            {"digits": networks.DIGITS / "digits.onnx"},
            "--weight-budget", "107KiB",
        )
        cls.client = triton.InferenceServerClient(cls.daemon.address)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.daemon.end()

    def test_the_server_lives_and_is_ready(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("digits"))
        self.assertTrue(self.client.is_model_ready("digits", "1"))

    def test_metadata_names_server_model_and_tensors(self):
        self.assertEqual(self.client.get_server_metadata().name, "layerd")
        metadata = self.client.get_model_metadata("digits", as_json=True)
        self.assertEqual(metadata["name"], "digits")
        self.assertEqual(metadata["versions"], ["1"])
        self.assertEqual(
            metadata["inputs"],
            [{"name": "image", "datatype": "FP32",
              "shape": ["1", "1", "8", "8"]}],
        )
        self.assertEqual(
            metadata["outputs"],
            [{"name": "logits", "datatype": "FP32", "shape": ["1", "10"]}],
        )

    def test_the_configuration_agrees_with_the_metadata(self):
        config = self.client.get_model_config("digits", as_json=True)["config"]
        self.assertEqual(config["name"], "digits")
        self.assertEqual(config.get("max_batch_size", 0), 0)
        self.assertEqual(config["input"][0]["name"], "image")
        self.assertEqual(config["input"][0]["data_type"], "TYPE_FP32")
        self.assertEqual(config["input"][0]["dims"], ["1", "1", "8", "8"])
        self.assertEqual(config["output"][0]["dims"], ["1", "10"])

    def test_statistics_count_what_was_answered(self):
        def counts():
            stats = self.client.get_inference_statistics("digits", "1")
            return stats.model_stats[0].inference_stats

        before = counts()
        for image in load("images.npy")[:3]:
            self.client.infer("digits", [image_of(image[np.newaxis])])
        after = counts()
        for name in ("success", "queue", "compute_input", "compute_infer",
                     "compute_output"):
            was, now = getattr(before, name), getattr(after, name)
            self.assertEqual(now.count - was.count, 3, name)
            self.assertGreaterEqual(now.ns, was.ns, name)
        self.assertGreater(after.compute_infer.ns, before.compute_infer.ns)

    def test_models_are_unloaded_and_loaded(self):
        daemon = Daemon({"digits": networks.DIGITS / "digits.onnx"})
        self.addCleanup(daemon.end)
        client = triton.InferenceServerClient(daemon.address)
        self.addCleanup(client.close)

        def states():
            index = client.get_model_repository_index().models
            return [(m.name, m.version, m.state) for m in index]

        self.assertEqual(states(), [("digits", "1", "READY")])
        client.unload_model("digits")
        self.assertEqual(states(), [("digits", "1", "UNAVAILABLE")])
        self.assertFalse(client.is_model_ready("digits"))
        self.assertTrue(client.is_server_ready())
        client.load_model("digits")
        self.assertTrue(client.is_model_ready("digits"))
        with self.assertRaises(InferenceServerException) as raised:
            client.load_model("nobody")
        self.assertIn("no model 'nobody'", raised.exception.message())
        with self.assertRaises(InferenceServerException) as raised:
            client.load_model("digits", config="{}")
        self.assertIn("not supported", raised.exception.message())

    def test_all_digits_are_answered_as_by_onnx_runtime(self):
        want = load("expected.npy")
        for i, image in enumerate(load("images.npy")):
            result = self.client.infer(
                "digits", [image_of(image[None])], request_id=str(i)
            )
            got = result.as_numpy("logits")
            reason, words = compare(got, want[i : i + 1])
            self.assertIsNone(reason, words)
            self.assertEqual(result.get_response().id, str(i))

    def test_an_asked_for_output_and_a_generous_timeout_change_nothing(self):
        image = load("images.npy")[:1]
        plain = self.client.infer("digits", [image_of(image)])
        asked = self.client.infer(
            "digits", [image_of(image)],
            outputs=[triton.InferRequestedOutput("logits")],
            timeout=10_000_000, client_timeout=PATIENCE_S,
        )
        self.assertEqual(
            plain.as_numpy("logits").tobytes(),
            asked.as_numpy("logits").tobytes(),
        )

    def test_asynchronous_requests_all_come_back(self):
        images, want = load("images.npy"), load("expected.npy")
        got, done = {}, threading.Semaphore(0)

        def keep(i):
            def callback(result, error):
                got[i] = error or result.as_numpy("logits")
                done.release()
            return callback

        for i in range(40):
            self.client.async_infer(
                "digits", [image_of(images[i : i + 1])], keep(i)
            )
        for _ in range(40):
            self.assertTrue(done.acquire(timeout=PATIENCE_S))
        for i in range(40):
            self.assertIsInstance(got[i], np.ndarray, got[i])
            reason, words = compare(got[i], want[i : i + 1])
            self.assertIsNone(reason, words)

    def refused(self, model, inputs, **options):
        with self.assertRaises(InferenceServerException) as caught:
            self.client.infer(model, inputs, **options)
        return caught.exception.status(), caught.exception.message()

    def test_refusals_arrive_with_code_and_reason(self):
        image = load("images.npy")
        code, message = self.refused("digit", [image_of(image[:1])])
        self.assertEqual(code, "StatusCode.NOT_FOUND")
        self.assertIn("there is no model 'digit'", message)
        code, message = self.refused("digits", [image_of(image[:2], 2)])
        self.assertEqual(code, "StatusCode.INVALID_ARGUMENT")
        self.assertIn("expected [1,1,8,8]", message)
        code, message = self.refused(
            "digits", [image_of(image[:1])], timeout=1
        )
        self.assertEqual(code, "StatusCode.DEADLINE_EXCEEDED")

    def test_what_is_not_served_is_refused_with_what_to_do_instead(self):
        calls = {
            "layerctl trace": self.client.get_trace_settings,
            "log_level": self.client.get_log_settings,
            "the bytes themselves":
                self.client.get_system_shared_memory_status,
        }
        for words, call in calls.items():
            with self.assertRaises(InferenceServerException) as caught:
                call()
            self.assertEqual(
                caught.exception.status(), "StatusCode.UNIMPLEMENTED"
            )
            self.assertIn(words, caught.exception.message())

    def test_a_stream_has_an_answer_for_each_request_in_their_order(self):
        images, want = load("images.npy"), load("expected.npy")
        told = queue.Queue()
        with triton.InferenceServerClient(self.daemon.address) as client:
            client.start_stream(lambda result, error: told.put((result, error)))
            for i in range(40):
                client.async_stream_infer(
                    "digits", [image_of(images[i : i + 1])], request_id=str(i),
                    enable_empty_final_response=True,
                )
            for i in range(40):
                result, error = told.get(timeout=PATIENCE_S)
                self.assertIsNone(error)
                response = result.get_response()
                self.assertEqual(response.id, str(i))
                self.assertTrue(
                    response.parameters["triton_final_response"].bool_param
                )
                reason, words = compare(
                    result.as_numpy("logits"), want[i : i + 1]
                )
                self.assertIsNone(reason, words)

    def test_a_request_that_fails_does_not_end_its_stream(self):
        image = load("images.npy")
        told = queue.Queue()
        with triton.InferenceServerClient(self.daemon.address) as client:
            client.start_stream(lambda result, error: told.put((result, error)))
            client.async_stream_infer("digit", [image_of(image[:1])])
            client.async_stream_infer("digits", [image_of(image[:2], 2)])
            client.async_stream_infer("digits", [image_of(image[:1])])
            for words in ("there is no model 'digit'", "expected [1,1,8,8]"):
                _, error = told.get(timeout=PATIENCE_S)
                self.assertIn(words, error.message())
            result, error = told.get(timeout=PATIENCE_S)
            self.assertIsNone(error)
            self.assertEqual(result.as_numpy("logits").shape, (1, 10))

    def test_a_stream_ends_with_a_status_if_its_client_asks_for_one(self):
        told = queue.Queue()
        with triton.InferenceServerClient(self.daemon.address) as client:
            client.start_stream(lambda result, error: told.put((result, error)),
                                headers={"triton_grpc_error": "true"})
            client.async_stream_infer(
                "digit", [image_of(load("images.npy")[:1])]
            )
            _, error = told.get(timeout=PATIENCE_S)
            self.assertEqual(error.status(), "StatusCode.NOT_FOUND")

    def test_a_stream_that_is_given_up_leaves_the_server_well(self):
        image = load("images.npy")[:1]
        for _ in range(20):
            client = triton.InferenceServerClient(self.daemon.address)
            client.start_stream(lambda result, error: None)
            for _ in range(20):
                client.async_stream_infer("digits", [image_of(image)])
            client.stop_stream(cancel_requests=True)
            client.close()
        self.client.infer("digits", [image_of(image)])

    def test_an_asynchronous_client_streams_too(self):
        images, want = load("images.npy"), load("expected.npy")

        async def requests():
            for i in range(10):
                yield {"model_name": "digits", "request_id": str(i),
                       "inputs": [image_of(images[i : i + 1])]}

        async def ask():
            client = aio.InferenceServerClient(self.daemon.address)
            answers = [answer async for answer in client.stream_infer(requests())]
            await client.close()
            return answers

        answers = asyncio.run(ask())
        self.assertEqual(len(answers), 10)
        for i, (result, error) in enumerate(answers):
            self.assertIsNone(error)
            reason, words = compare(result.as_numpy("logits"), want[i : i + 1])
            self.assertIsNone(reason, words)


if __name__ == "__main__":
    unittest.main()
