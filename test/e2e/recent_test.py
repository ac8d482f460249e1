"""Do operators of opsets 22 to 28 mean here what they mean to ONNX Runtime?
All whose version changed there, and those that are new; what attends has a test
of its own."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np
from onnx import TensorProto

from one_node import Case, OneNode, numbers

PICTURE = (2, 4, 9, 7)


def node(op_type, *inputs, opset=22, asked=1, outputs=("y",), title=None,
         **attributes):
    named = [(f"x{i}", array) for i, array in enumerate(inputs)]
    return Case(title or f"{op_type}_{opset}", op_type, named,
                [name for name, _ in named[:asked]], outputs, domain="",
                opset=opset, **attributes)


def whole(*values):
    return np.array(values, np.int64)


def of_opset_22():
    x = numbers(3, 5)
    inside = np.tanh(x)
    for op_type in ("Asin", "Acos", "Atanh"):
        yield node(op_type, inside)
    yield node("Acosh", 1 + np.abs(x))
    for op_type in ("Asinh", "Atan", "Cos", "Cosh", "Elu", "HardSigmoid",
                    "HardSwish", "LpNormalization", "Mish", "Round", "Selu",
                    "Sin", "Sinh", "Softplus", "Softsign", "Tan",
                    "ThresholdedRelu"):
        yield node(op_type, x)
    picture = numbers(*PICTURE)
    for op_type in ("GlobalAveragePool", "GlobalMaxPool"):
        yield node(op_type, picture)
    for op_type in ("AveragePool", "MaxPool"):
        for title, attributes in (
            ("plain", {}),
            ("ceil", {"ceil_mode": 1, "strides": [2, 2]}),
            ("ceil_pads", {"ceil_mode": 1, "strides": [2, 3],
                           "pads": [1, 1, 1, 1]}),
            ("dilated", {"dilations": [2, 2]}),
        ):
            yield node(op_type, picture, kernel_shape=[3, 3],
                       title=f"{op_type}_{title}", **attributes)
    for title, attributes in (
        ("counts", {}), ("counts_ceil", {"ceil_mode": 1}),
    ):
        yield node("AveragePool", picture, kernel_shape=[3, 3],
                   strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1,
                   title=f"AveragePool_{title}", **attributes)
    yield node("Conv", picture, numbers(6, 4, 3, 3, seed=2))
    yield node("ConvTranspose", picture, numbers(4, 3, 3, 3, seed=2))
    yield node("Dropout", picture)
    yield node("InstanceNormalization", picture, numbers(4, seed=2),
               numbers(4, seed=3))
    yield node("GridSample", picture, np.tanh(numbers(2, 5, 5, 2)), asked=2)
    volume = numbers(2, 3, 4, 5, 6)
    for padding in ("zeros", "border", "reflection"):
        yield node("GridSample", volume, 1.5 * np.tanh(numbers(2, 2, 3, 4, 3)),
                   asked=2, opset=20, mode="linear", padding_mode=padding)
    yield node("GridSample", volume, np.tanh(numbers(2, 2, 3, 4, 3)), asked=2,
               opset=20, mode="nearest", align_corners=1)
    for op_type in ("ReduceMax", "ReduceMin"):
        yield node(op_type, x > 0, whole(1), opset=20, keepdims=0,
                   title=f"{op_type}_truths")
    yield node("GatherND", numbers(2, 3, 4), whole(0, 2, -1, 1).reshape(2, 2, 1),
               opset=13, batch_dims=1)
    steps = numbers(4, 2, 3)
    yield node("RNN", steps, numbers(1, 5, 3, seed=2),
               numbers(1, 5, 5, seed=3), hidden_size=5)
    yield node("GRU", steps, numbers(1, 15, 3, seed=2),
               numbers(1, 15, 5, seed=3), hidden_size=5)
    yield node("LSTM", steps, numbers(1, 20, 3, seed=2),
               numbers(1, 20, 5, seed=3), hidden_size=5)


def of_opset_23():
    x = numbers(2, 3, 8)
    small = np.float32(1e-3) * x
    for title, axis, shape in (
        ("last", -1, (8,)), ("two", 1, (3, 8)), ("all", 0, (2, 3, 8)),
        ("narrow", -1, (1,)), ("wide", 1, (8,)),
    ):
        yield node("RMSNormalization", x, numbers(*shape, seed=2), opset=23,
                   axis=axis, title=f"RMSNormalization_{title}")
    yield node("RMSNormalization", small, numbers(8, seed=2), opset=23,
               title="RMSNormalization_small")
    yield node("RMSNormalization", small, numbers(8, seed=2), opset=23,
               epsilon=1e-2, title="RMSNormalization_epsilon")
    scale, zero = np.float32(0.05), np.uint8(120)
    for opset in (23, 25):
        yield node("Cast", x, opset=opset, to=TensorProto.INT32)
        yield node("CastLike", x, np.zeros(1, np.int64), opset=opset)
        yield node("Flatten", x, opset=opset)
        yield node("Identity", x, opset=opset)
        yield node("Pad", x, whole(0, 1, 0, 2, 0, 1), opset=opset)
        yield node("Reshape", x, whole(6, -1), opset=opset)
        yield node("Squeeze", x.reshape(2, 1, 24), whole(1), opset=opset)
        yield node("Unsqueeze", x, whole(0, 2), opset=opset)
        yield node("Transpose", x, opset=opset)
        yield node("QuantizeLinear", x, scale, zero, opset=opset)
        yield node("DequantizeLinear", (100 + 10 * x).astype(np.uint8), scale,
                   zero, opset=opset)
    yield node("DequantizeLinear", (100 + 10 * x).astype(np.uint8), scale,
               zero, opset=23, output_dtype=TensorProto.FLOAT16,
               title="DequantizeLinear_half")


def of_opset_24():
    x = numbers(3, 8)
    yield node("Swish", x, opset=24)
    yield node("Swish", x, opset=24, alpha=0.5, title="Swish_alpha")
    yield node("TopK", x, whole(3), opset=24, outputs=("y", "places"))


def of_opset_28():
    x = numbers(2, 5, 3)
    for reverse in (0, 1):
        yield node("CumProd", x, whole(1), opset=26, reverse=reverse,
                   exclusive=1 - reverse, title=f"CumProd_{reverse}")
    yield node("SpaceToDepth", numbers(1, 2, 4, 6), opset=28, blocksize=2,
               mode="CRD")
    for opset in (26, 28):
        yield node("Relu", x, opset=opset)
        yield node("Softmax", x, opset=opset)
    yield node("CausalConvWithState", numbers(2, 4, 6), numbers(4, 1, 3),
               numbers(4), numbers(2, 4, 2), opset=27, asked=4,
               outputs=("y", "state"), activation="silu")
    yield node("CausalConvWithState", numbers(2, 4, 1), numbers(4, 1, 3),
               opset=27, outputs=("y", "state"), title="CausalConv_first")


def without_elements():
    """At the ends of a model: that is where exporters have them."""
    x = numbers(20, 10, 5)
    none = np.zeros((2, 0, 4), np.float32)
    yield node("Slice", x, whole(1000), whole(1000), whole(1), opset=13,
               title="Slice_beyond")
    yield node("Reshape", none, whole(4, 2, 0), opset=14, allowzero=1,
               title="Reshape_none")
    yield node("Concat", none, numbers(2, 3, 4), opset=13, asked=2, axis=1,
               title="Concat_first")
    yield node("Relu", none, opset=14, title="Relu_none")
    yield node("Split", numbers(2, 5), whole(5, 0), opset=13, axis=1,
               outputs=("y", "z"), title="Split_rest")
    yield node("Split", np.zeros(0, np.float32), whole(0, 0), opset=13,
               outputs=("y", "z"), title="Split_none")


def refused():
    yield node("RMSNormalization", numbers(2, 3), numbers(3), opset=22), (
        "appeared in opset 23")
    yield node("Swish", numbers(2, 3), opset=23), "appeared in opset 24"
    yield node("Relu", numbers(2, 3), opset=29), "opset 29; opsets 1 to 28"
    yield node("QuantizeLinear", numbers(2, 3), np.float32(1), np.uint8(0),
               opset=23, precision=TensorProto.FLOAT16), "precision"


class Recent(OneNode):
    def test_opset_22(self):
        self.check_answers(of_opset_22())

    def test_opset_23(self):
        self.check_answers(of_opset_23())

    def test_opset_24(self):
        self.check_answers(of_opset_24())

    def test_opset_28(self):
        self.check_answers(of_opset_28())

    def test_inputs_and_answers_without_elements(self):
        self.check_answers(without_elements())

    def test_what_is_not_taken_is_refused(self):
        self.check_refused(refused())


if __name__ == "__main__":
    unittest.main()
