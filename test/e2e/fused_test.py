"""Do operators that ONNX Runtime's optimiser writes mean here what they mean
there? Each in a model of its own, several ways, with ONNX Runtime's answer."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np

from one_node import Case, OneNode, numbers, whole

BATCH, LENGTH, WIDTH = 2, 5, 12
WORDS, PLACES, SEGMENTS = 40, 8, 2


def lengths_mask():
    mask = np.zeros((BATCH, LENGTH), np.int32)
    for text, length in enumerate((LENGTH, LENGTH - 2)):
        mask[text, :length] = 1
    return mask


def embedding(title, segments=True, places=False, mask=False,
              outputs=("y", "lengths")):
    rng = np.random.default_rng(5)
    ids = rng.integers(0, WORDS, (BATCH, LENGTH)).astype(np.int32)
    kinds = rng.integers(0, SEGMENTS, (BATCH, LENGTH)).astype(np.int32)
    backwards = np.tile(whole(*range(LENGTH))[::-1], (BATCH, 1)).copy()
    inputs = [
        ("ids", ids),
        ("kinds", kinds if segments else None),
        ("words", numbers(WORDS, WIDTH)),
        ("places", numbers(PLACES, WIDTH, seed=2)),
        ("segments", numbers(SEGMENTS, WIDTH, seed=3) if segments else None),
        ("scale", numbers(WIDTH, seed=4)),
        ("shift", numbers(WIDTH, seed=5)),
        ("mask", lengths_mask() if mask else None),
        ("place", backwards if places else None),
    ]
    asked = ["ids"] + (["kinds"] if segments else [])
    asked += (["mask"] if mask else []) + (["place"] if places else [])
    return Case(title, "EmbedLayerNormalization", inputs, asked, outputs,
                epsilon=1e-5)


def quantised_embedding(title, segments=True, mask=False):
    """As a quantiser leaves it that met it after the optimiser."""
    rng = np.random.default_rng(5)
    ids = rng.integers(0, WORDS, (BATCH, LENGTH)).astype(np.int32)
    kinds = rng.integers(0, SEGMENTS, (BATCH, LENGTH)).astype(np.int32)
    shapes = {"words": (WORDS, WIDTH), "places": (PLACES, WIDTH),
              "segments": (SEGMENTS, WIDTH), "scale": (WIDTH,),
              "shift": (WIDTH,)}
    if not segments:
        shapes["segments"] = None
    tables = {name: None if shape is None else
              rng.integers(0, 255, shape).astype(np.uint8)
              for name, shape in shapes.items()}
    inputs = [("ids", ids), ("kinds", kinds if segments else None),
              *tables.items(), ("mask", lengths_mask() if mask else None)]
    for suffix, number in (("_step", np.float32), ("_zero", np.uint8)):
        for i, (name, table) in enumerate(tables.items()):
            value = 0.01 * (i + 1) if suffix == "_step" else 100 + i
            inputs.append((name + suffix, None if table is None
                           else np.array(value, number)))
    asked = ["ids"] + (["kinds"] if segments else [])
    asked += ["mask"] if mask else []
    return Case(title, "QEmbedLayerNormalization", inputs, asked,
                ("y", "lengths"), epsilon=1e-5)


def skip(title, op_type, shift=True, bias=False, outputs=("y",), size=1,
         **attributes):
    # Small ones show what epsilon is.
    inputs = [("x", np.float32(size) * numbers(BATCH, LENGTH, WIDTH)),
              ("skip", np.float32(size) * numbers(BATCH, LENGTH, WIDTH, seed=2)),
              ("scale", numbers(WIDTH, seed=3))]
    if op_type == "SkipLayerNormalization":
        inputs.append(("shift", numbers(WIDTH, seed=4) if shift else None))
    inputs.append(("bias", numbers(WIDTH, seed=5) if bias else None))
    return Case(title, op_type, inputs, ["x", "skip"], outputs, **attributes)


def products(title, a, b, **attributes):
    return Case(title, "FusedMatMul",
                [("a", numbers(*a)), ("b", numbers(*b, seed=2))], ["a", "b"],
                **attributes)


def convolution(title, bias=True, sum_=False, **attributes):
    inputs = [("x", numbers(1, 4, 6, 6)), ("w", numbers(8, 4, 3, 3, seed=2)),
              ("b", numbers(8, seed=3) if bias else None),
              ("z", numbers(1, 8, 6, 6, seed=4) if sum_ else None)]
    return Case(title, "FusedConv", inputs, ["x"] + (["z"] if sum_ else []),
                pads=[1, 1, 1, 1], **attributes)


def gemm(title, **attributes):
    return Case(title, "FusedGemm",
                [("x", numbers(3, 8)), ("w", numbers(8, 6, seed=2)),
                 ("b", numbers(6, seed=3))], ["x"], **attributes)


def activation(title, op_type, bias=False, **attributes):
    inputs = [("x", 3 * numbers(2, 3, WIDTH))]
    if bias:
        inputs.append(("b", numbers(WIDTH, seed=2)))
    return Case(title, op_type, inputs, ["x"], **attributes)


def steps(*shape, seed=1, least=-60, dtype=np.int8):
    """Whole numbers of seven bits: of eight, ONNX Runtime's sums of two
    products do not fit their 16 bits where a processor has no VNNI."""
    drawn = np.random.default_rng(seed).integers(least, least + 120, shape)
    return drawn.astype(dtype)


def quantised(op_type, bias=True, zero=True, columns=False, **attributes):
    """Products of what a quantiser has made whole, and numbers again. One
    scale for the weights, or one for each column."""
    width = 3 * WIDTH if op_type == "QAttention" else 8
    scale, weights_zero = np.array(0.01, np.float32), np.array(3, np.int8)
    if columns:
        scale = 0.01 + 0.001 * np.arange(width, dtype=np.float32)
        weights_zero = np.zeros(width, np.int8)
    x = steps(BATCH, LENGTH, WIDTH, least=0, dtype=np.uint8)
    x_scale = np.array(0.02, np.float32)
    x_zero = np.array(70, np.uint8) if zero else None
    w = steps(WIDTH, width, seed=2)
    weights_zero = weights_zero if zero else None
    b = numbers(width, seed=3) if bias else None
    given = {
        "MatMulIntegerToFloat": [x, w, x_scale, scale, x_zero, weights_zero,
                                 b],
        "DynamicQuantizeMatMul": [numbers(BATCH, LENGTH, WIDTH), w, scale,
                                  weights_zero, b],
        "QAttention": [x, w, b, x_scale, scale, lengths_mask(), x_zero,
                       weights_zero],
    }[op_type]
    named = [(f"x{i}", array) for i, array in enumerate(given)]
    title = f"{op_type}_{bias}_{zero}_{columns}"
    return Case(title, op_type, named, ["x0"], **attributes)


def quantised_cases():
    for op_type in ("MatMulIntegerToFloat", "DynamicQuantizeMatMul"):
        yield quantised(op_type)
        yield quantised(op_type, bias=False, zero=False)
        yield quantised(op_type, columns=True)
    yield quantised("QAttention", num_heads=3)
    yield quantised("QAttention", zero=False, num_heads=2, unidirectional=1)


def cases():
    yield embedding("embedding")
    yield embedding("embedding_mask", mask=True)
    yield embedding("embedding_places", places=True)
    yield embedding("embedding_words", segments=False)
    yield embedding("embedding_sum", mask=True,
                    outputs=("y", "lengths", "sum"))
    yield quantised_embedding("embedding_bytes")
    yield quantised_embedding("embedding_bytes_words", segments=False,
                              mask=True)
    yield skip("skip", "SkipLayerNormalization", epsilon=1e-5)
    yield skip("skip_default", "SkipLayerNormalization", size=1e-3)
    yield skip("skip_bias", "SkipLayerNormalization", bias=True, epsilon=1e-5)
    yield skip("skip_no_shift", "SkipLayerNormalization", shift=False,
               epsilon=1e-5)
    yield skip("skip_sum", "SkipLayerNormalization", bias=True, epsilon=1e-5,
               outputs=("y", "", "", "sum"))
    yield skip("skip_simple", "SkipSimplifiedLayerNormalization", epsilon=1e-5)
    yield skip("skip_simple_default", "SkipSimplifiedLayerNormalization",
               size=1e-3)
    yield skip("skip_simple_bias", "SkipSimplifiedLayerNormalization",
               bias=True, epsilon=1e-2, outputs=("y", "", "", "sum"))
    yield Case("simple", "SimplifiedLayerNormalization",
               [("x", numbers(2, 3, WIDTH)), ("scale", numbers(WIDTH, seed=2))],
               ["x"], domain="", epsilon=1e-2)
    yield Case("simple_default", "SimplifiedLayerNormalization",
               [("x", np.float32(1e-3) * numbers(2, 3, WIDTH)),
                ("scale", numbers(WIDTH, seed=2))], ["x"], domain="")
    yield products("products", (2, 3, 4), (2, 4, 5), alpha=0.125)
    yield products("products_b", (2, 3, 4), (2, 5, 4), transB=1)
    yield products("products_a", (2, 4, 3), (2, 4, 5), transA=1, alpha=2.0)
    yield products("products_both", (2, 4, 3), (2, 5, 4), transA=1, transB=1)
    yield products("products_batch_a", (3, 2, 7, 4), (2, 7, 4, 5),
                   transBatchA=1)
    yield products("products_batch_b", (2, 7, 3, 4), (5, 2, 7, 4),
                   transBatchB=1, transB=1)
    yield convolution("conv_relu", activation="Relu")
    yield convolution("conv_bare", bias=False, activation="Tanh")
    yield convolution("conv_leaky", activation="LeakyRelu",
                      activation_params=[0.2])
    yield convolution("conv_clip", activation="Clip",
                      activation_params=[-0.5, 0.75])
    yield convolution("conv_hard", activation="HardSigmoid",
                      activation_params=[0.3, 0.4])
    yield convolution("conv_sum", sum_=True, activation="Relu")
    yield gemm("gemm_relu", activation="Relu")
    yield gemm("gemm_scaled", activation="Sigmoid", alpha=0.5, beta=2.0)
    yield gemm("gemm_leaky", activation="LeakyRelu", activation_alpha=0.2)
    yield gemm("gemm_hard", activation="HardSigmoid", activation_alpha=0.3,
               activation_beta=0.4)
    yield activation("gelu", "Gelu")
    yield activation("gelu_bias", "BiasGelu", bias=True)
    yield activation("gelu_fast", "FastGelu")
    yield activation("gelu_fast_bias", "FastGelu", bias=True)
    yield activation("gelu_quick", "QuickGelu", alpha=1.5)


class Fused(OneNode):
    def test_answers_are_those_of_onnx_runtime(self):
        self.check_answers(cases())

    def test_products_of_bytes(self):
        self.check_answers(quantised_cases())


if __name__ == "__main__":
    unittest.main()
