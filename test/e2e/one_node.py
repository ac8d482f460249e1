"""Models of one node each, asked here and of ONNX Runtime."""

import pathlib
import tempfile
import unittest

import numpy as np
import onnx
from onnx import helper, numpy_helper

import asking
import networks
import oracle


class Case:
    """One node of `op_type`. `inputs`: names, "" where one is left out, and
    arrays; those in `asked` are the model's, the others are its weights."""

    def __init__(self, title, op_type, inputs, asked, outputs=("y",),
                 domain="com.microsoft", opset=17, **attributes):
        self.title = title
        while inputs[-1][1] is None:
            inputs = inputs[:-1]
        names = ["" if array is None else name for name, array in inputs]
        arrays = {name: array for name, array in inputs if array is not None}
        asked = [name for name in asked if name in arrays]
        node = helper.make_node(
            op_type, names, list(outputs), domain=domain, **attributes
        )
        graph = helper.make_graph(
            [node], title,
            [_value(name, arrays[name]) for name in asked],
            [helper.make_empty_tensor_value_info(name)
             for name in outputs if name],
            [array if isinstance(array, onnx.TensorProto)
             else numpy_helper.from_array(array, name)
             for name, array in arrays.items() if name not in asked],
        )
        self.model = helper.make_model(
            graph, ir_version=10,
            opset_imports=[helper.make_opsetid("", opset),
                           helper.make_opsetid("com.microsoft", 1)],
        )
        self.feeds = {name: arrays[name] for name in asked}

    def question(self):
        wants = oracle.answer(self.model.SerializeToString(), self.feeds)
        return networks.Question(self.title, self.feeds, wants)

    def empty_shapes(self):
        """A 0 in a model says that a dimension is free."""
        return {name: array.shape for name, array in self.feeds.items()
                if array.size == 0}

    def save(self, path, wants):
        """With the outputs' types, which exporters write."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.graph.output[:]
        model.graph.output.extend(
            _value(name, array) for name, array in wants.items()
        )
        onnx.save(model, path)


def _value(name, array):
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
    )


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def whole(*values):
    return np.array(values, np.int32)


class OneNode(unittest.TestCase):
    """What the tests of such models share."""

    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = pathlib.Path(kept.name)

    def check_answers(self, cases):
        for case in cases:
            with self.subTest(case.title):
                question = case.question()
                model = self.folder / "model.onnx"
                layers = self.folder / "model.layers"
                case.save(model, question.wants)
                asking.pack(model, layers, case.empty_shapes())
                got, _ = asking.run(layers, question, self.folder)
                self.assertIsNone(asking.why_wrong(got, question))

    def check_refused(self, cases):
        """Cases, each with the word that says why."""
        for case, word in cases:
            with self.subTest(case.title):
                model = self.folder / "model.onnx"
                onnx.save(case.model, model)
                with self.assertRaisesRegex(asking.Refused, word):
                    asking.pack(model, self.folder / "model.layers")
