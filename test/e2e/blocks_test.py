"""Are weights of two, four and eight bits with scales for blocks read as ONNX
Runtime reads them? Matrices, tables, and DequantizeLinear since opset 21."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np
from onnx import TensorProto, helper

from one_node import Case, OneNode, numbers


def bytes_of(*shape, seed=2):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def scales_of(*shape, seed=3):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.01, 0.1, shape).astype(np.float32)


def matrix(title, columns=64, rows=24, length=16, bits=4, zeros=None,
           bias=False, x=(2, 3), **attributes):
    blocks = -(-columns // length)
    zero_bytes = -(-blocks * bits // 8)
    given = {
        None: None,
        "packed": bytes_of(rows, zero_bytes, seed=5),
        "numbers": numbers(rows, blocks, seed=6),
    }[zeros]
    inputs = [
        ("x", numbers(*x, columns)),
        ("w", bytes_of(rows, blocks, length * bits // 8)),
        ("scales", scales_of(rows, blocks)),
        ("zeros", given),
        ("order", None),
        ("bias", numbers(rows, seed=7) if bias else None),
    ]
    return Case(title, "MatMulNBits", inputs, ["x"], K=columns, N=rows,
                bits=bits, block_size=length, **attributes)


def table(title, bits=4, zeros=False, words=50, width=64, length=16):
    blocks = width // length
    inputs = [
        ("w", bytes_of(words, width * bits // 8)),
        ("ids", np.array([[3, 0, 49], [7, 7, 12]])),
        ("scales", scales_of(words, blocks)),
        ("zeros", bytes_of(words, blocks * bits // 8) if zeros else None),
    ]
    return Case(title, "GatherBlockQuantized", inputs, ["ids"],
                bits=bits, block_size=length, gather_axis=0, quantize_axis=1)


def tensor(name, data_type, shape, seed):
    """A weight of four bits."""
    low, high = (-8, 8) if data_type == TensorProto.INT4 else (0, 16)
    values = np.random.default_rng(seed).integers(low, high, shape)
    return helper.make_tensor(name, data_type, shape, values.flatten())


def dequantised(title, data_type=TensorProto.INT4, shape=(6, 32), axis=1,
                length=16, zeros=False, scales=None):
    """Beside an addition, so that somebody asks something."""
    given = list(shape)
    if length:
        given[axis] = -(-shape[axis] // length)
        attributes = {"axis": axis, "block_size": length}
    else:
        given = [shape[axis]] if scales is None else list(scales)
        attributes = {"axis": axis}
    case = Case(title, "DequantizeLinear", [
        ("w", tensor("w", data_type, shape, 1)),
        ("scales", scales_of(*given)),
        ("zeros", tensor("zeros", data_type, given, 2) if zeros else None),
    ], [], ("weights",), domain="", opset=21, **attributes)
    graph = case.model.graph
    x = numbers(*shape, seed=4)
    graph.input.append(helper.make_tensor_value_info("x", 1, shape))
    graph.node.append(helper.make_node("Add", ["x", "weights"], ["y"]))
    graph.output[0].name = "y"
    case.feeds = {"x": x}
    return case


def multiplied(title, axis):
    """The weights of a product."""
    case = dequantised(title, shape=(64, 20), axis=axis, length=4)
    graph = case.model.graph
    graph.node[1].CopyFrom(helper.make_node("MatMul", ["x", "weights"], ["y"]))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("x", 1, (3, 64)))
    case.feeds = {"x": numbers(3, 64)}
    return case


def matrices():
    yield matrix("matrix")
    yield matrix("matrix_row", x=(1, 1))
    yield matrix("matrix_long", length=32, columns=96)
    yield matrix("matrix_zeros", zeros="packed")
    yield matrix("matrix_odd_zeros", zeros="packed", columns=48)
    yield matrix("matrix_numbers", zeros="numbers")
    yield matrix("matrix_bias", bias=True)
    yield matrix("matrix_rest", columns=56)
    yield matrix("matrix_bytes", bits=8)
    yield matrix("matrix_bytes_zeros", bits=8, zeros="packed", columns=48)
    yield matrix("matrix_two_bits", bits=2)
    yield matrix("matrix_two_bits_zeros", bits=2, zeros="packed")
    yield matrix("matrix_two_bits_rest", bits=2, zeros="packed", columns=73)
    yield matrix("matrix_two_bits_numbers", bits=2, zeros="numbers", bias=True)
    yield matrix("matrix_wide", rows=600, columns=512, length=32,
                 zeros="packed")


def tables():
    yield table("table")
    yield table("table_zeros", zeros=True)
    yield table("table_bytes", bits=8)


def numbers_of_four_bits():
    yield dequantised("signed")
    yield dequantised("unsigned", TensorProto.UINT4, zeros=True)
    yield dequantised("signed_zeros", zeros=True)
    yield dequantised("first_axis", shape=(32, 6), axis=0, zeros=True)
    yield dequantised("middle_axis", shape=(2, 32, 3), axis=1)
    yield dequantised("rest", shape=(5, 27), axis=1)
    yield dequantised("channels", length=0, axis=0)
    yield dequantised("one_scale", length=0, scales=())
    yield dequantised("bytes", TensorProto.INT8, zeros=True)
    yield multiplied("product_rows", axis=0)
    yield multiplied("product_columns", axis=1)


def refused():
    case = matrix("order")
    case.model.graph.node[0].input.extend(["", "order"])
    case.model.graph.initializer.append(
        helper.make_tensor("order", TensorProto.INT32, [64], [0] * 64))
    yield case, "g_idx"
    yield matrix("three_bits", bits=3), "4 and 8 bits"
    yield table("table_two_bits", bits=2), "two bits"
    short = matrix("short")
    short.model.graph.node[0].attribute[1].i = 23
    yield short, "do not fit"


class Blocks(OneNode):
    def test_matrices(self):
        self.check_answers(matrices())

    def test_tables(self):
        self.check_answers(tables())

    def test_dequantize_linear(self):
        self.check_answers(numbers_of_four_bits())

    def test_what_is_not_taken_is_refused(self):
        self.check_refused(refused())


if __name__ == "__main__":
    unittest.main()
