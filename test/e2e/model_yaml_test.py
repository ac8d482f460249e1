"""Does a daemon that packs an ONNX file say what model.yaml must bind, and
then serve it so?"""

import os
import pathlib
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np
import onnx
import tritonclient.grpc as triton
from onnx import TensorProto, helper, numpy_helper
from tritonclient.utils import InferenceServerException

from layerd import Daemon


def first_columns():
    """y = the first `count` columns of x, whose width is free."""
    graph = helper.make_graph(
        [helper.make_node("Slice", ["x", "zero", "count", "one"], ["y"])],
        "first_columns",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "width"]),
         helper.make_tensor_value_info("count", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "some"])],
        [numpy_helper.from_array(np.array([0]), "zero"),
         numpy_helper.from_array(np.array([1]), "one")],
    )
    return helper.make_model(graph, ir_version=8,
                             opset_imports=[helper.make_opsetid("", 13)])


class ModelYaml(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "model.onnx"
        onnx.save(first_columns(), path)
        daemon = Daemon(
            {"nothing": path, "shapes": path, "both": path},
            configs={"shapes": "shapes: {x: [1, 5]}\n",
                     "both": "shapes: {x: [1, 5]}\nvalues: {count: 3}\n"},
        )
        self.addCleanup(daemon.end)
        self.client = triton.InferenceServerClient(daemon.address)
        self.addCleanup(self.client.close)

    def test_what_is_missing_is_asked_for_by_its_key(self):
        index = self.client.get_model_repository_index().models
        reasons = {model.name: model.reason for model in index}
        self.assertIn("model.yaml", reasons["nothing"])
        self.assertIn("shapes: {NAME:", reasons["nothing"])
        self.assertIn("model.yaml", reasons["shapes"])
        self.assertIn("values: {NAME:", reasons["shapes"])
        self.assertEqual(reasons["both"], "")

    def test_what_is_bound_is_served_and_asked_for_no_more(self):
        x = np.arange(5, dtype=np.float32).reshape(1, 5)
        asked = triton.InferInput("x", x.shape, "FP32")
        asked.set_data_from_numpy(x)
        answer = self.client.infer("both", [asked]).as_numpy("y")
        np.testing.assert_array_equal(answer, x[:, :3])
        count = triton.InferInput("count", [1], "INT64")
        count.set_data_from_numpy(np.array([3]))
        with self.assertRaises(InferenceServerException) as caught:
            self.client.infer("both", [asked, count])
        self.assertIn("it has 'x'", caught.exception.message())


if __name__ == "__main__":
    unittest.main()
