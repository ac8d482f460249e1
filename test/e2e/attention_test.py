"""Do operators that attend mean here what they mean to ONNX Runtime? Its own
and those of ONNX since opset 23, each in a model of its own."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np

from one_node import Case, OneNode, numbers, whole

BATCH, LENGTH, WIDTH, HEADS, PAST = 2, 5, 12, 3, 4
SIZE = WIDTH // HEADS


def lengths_mask(length=LENGTH):
    mask = np.zeros((BATCH, length), np.int32)
    for text, seen in enumerate((length, length - 2)):
        mask[text, :seen] = 1
    return mask


def joint_past():
    return numbers(2, BATCH, HEADS, PAST, SIZE, seed=8)


def attention(title, mask=None, past=None, bias=None, values=WIDTH,
              heads=HEADS, outputs=("y",), **attributes):
    columns = 2 * WIDTH + values
    if values != WIDTH:
        attributes["qkv_hidden_sizes"] = [WIDTH, WIDTH, values]
    inputs = [
        ("x", numbers(BATCH, LENGTH, WIDTH)),
        ("w", numbers(WIDTH, columns, seed=2)),
        ("b", numbers(columns, seed=3)),
        ("mask", mask),
        ("past", past),
        ("bias", bias),
    ]
    return Case(title, "Attention", inputs, ["x", "mask", "past"], outputs,
                num_heads=heads, **attributes)


def multi_head(title, keys=LENGTH, values=WIDTH, bias=False, mask=None,
               scores=None, past=False, outputs=("y",), **attributes):
    inputs = [
        ("q", numbers(BATCH, LENGTH, WIDTH)),
        ("k", numbers(BATCH, keys, WIDTH, seed=2)),
        ("v", numbers(BATCH, keys, values, seed=3)),
        ("b", numbers(2 * WIDTH + values, seed=4) if bias else None),
        ("mask", mask),
        ("scores", scores),
        ("past_k", numbers(BATCH, HEADS, PAST, SIZE, seed=5) if past else None),
        ("past_v", numbers(BATCH, HEADS, PAST, SIZE, seed=6) if past else None),
    ]
    return Case(title, "MultiHeadAttention", inputs,
                ["q", "k", "v", "mask", "past_k", "past_v"], outputs,
                num_heads=HEADS, **attributes)


def of_optimiser():
    table = numbers(BATCH, HEADS, LENGTH, LENGTH, seed=7)
    both = ("y", "present")
    yield attention("attention")
    yield attention("attention_lengths", mask=whole(LENGTH, 2))
    yield attention("attention_mask", mask=lengths_mask())
    yield attention("attention_mask_low", mask=lengths_mask(),
                    mask_filter_value=-3.0)
    yield attention("attention_mask_rows",
                    mask=np.tril(np.ones((BATCH, LENGTH, LENGTH), np.int32)))
    yield attention("attention_bias", bias=table)
    yield attention("attention_all", mask=lengths_mask(), bias=table,
                    scale=0.7)
    yield attention("attention_values", values=6)
    yield attention("attention_values_few", values=4, heads=2)
    yield attention("attention_back", unidirectional=1)
    yield attention("attention_back_mask", unidirectional=1,
                    mask=lengths_mask())
    yield attention("attention_past", past=joint_past(), outputs=both)
    yield attention("attention_past_back", past=joint_past(), outputs=both,
                    unidirectional=1)
    yield attention("attention_past_mask", past=joint_past(), outputs=both,
                    unidirectional=1, mask=lengths_mask(PAST + LENGTH))
    yield multi_head("multi_head")
    yield multi_head("multi_head_scale", scale=0.3)
    yield multi_head("multi_head_bias", bias=True)
    yield multi_head("multi_head_lengths", mask=whole(LENGTH, 3))
    yield multi_head("multi_head_mask", mask=lengths_mask())
    yield multi_head("multi_head_scores", scores=table)
    yield multi_head("multi_head_across", keys=7, values=6, bias=True)
    yield multi_head("multi_head_back", unidirectional=1)
    yield multi_head("multi_head_past", past=True,
                     outputs=("y", "present_k", "present_v"))
    yield multi_head("multi_head_past_back", past=True, unidirectional=1,
                     outputs=("y", "present_k", "present_v"))


def angles(places, size=SIZE):
    """cos and sin of [places, size / 2] angles, which differ."""
    table = numbers(places, size // 2, seed=9)
    return np.cos(table), np.sin(table)


def grouped(title, heads=4, key_heads=2, size=16, batch=BATCH, length=LENGTH,
            past=0, packed=False, rotary=False, positions=None, bias=None,
            opens=False, lengths_are_asked=None, counts=None, sinks=None,
            **attributes):
    """Of a past, how much of it counts is known, unless it is asked."""
    q = numbers(batch, length, heads * size)
    k = numbers(batch, length, key_heads * size, seed=2)
    v = numbers(batch, length, key_heads * size, seed=3)
    if packed:
        q, k, v = np.concatenate((q, k, v), axis=2), None, None
    cosines, sines = angles(32, size) if rotary else (None, None)
    shape = (batch, key_heads, past, size)
    inputs = [
        ("q", q), ("k", k), ("v", v),
        ("past_k", numbers(*shape, seed=5) if past or opens else None),
        ("past_v", numbers(*shape, seed=6) if past or opens else None),
        ("lengths", whole(*[(counts or past + length) - 1] * batch)),
        ("length", whole(past + length)),
        ("cosines", cosines), ("sines", sines),
        ("positions", positions), ("bias", bias), ("sinks", sinks),
    ]
    if lengths_are_asked is None:
        lengths_are_asked = not past
    asked = ["q", "k", "v", "past_k", "past_v", "positions", "bias"]
    asked += ["lengths", "length"] * lengths_are_asked
    return Case(title, "GroupQueryAttention", inputs, asked,
                ("y", "present_k", "present_v"),
                num_heads=heads, kv_num_heads=key_heads,
                do_rotary=int(rotary), **attributes)


def rotary(title, x, positions, domain="com.microsoft", places=32, size=SIZE,
           angles_of=None, **attributes):
    cosines, sines = angles(places, size) if angles_of is None else angles_of
    tables = [("cosines", cosines), ("sines", sines)]
    given = [("positions", positions)]
    inputs = [("x", x)]
    inputs += tables + given if domain == "" else given + tables
    return Case(title, "RotaryEmbedding", inputs, ["x", "positions"],
                domain=domain, opset=23, **attributes)


def of_language_models():
    yield grouped("grouped")
    yield grouped("grouped_alone", heads=4, key_heads=4)
    yield grouped("grouped_one", key_heads=1, scale=0.2)
    yield grouped("grouped_packed", packed=True)
    yield grouped("grouped_rotary", rotary=True)
    yield grouped("grouped_rotary_packed", rotary=True, packed=True,
                  rotary_interleaved=1)
    yield grouped("grouped_softcap", softcap=2.0)
    for window in (1, 2, 3):
        yield grouped(f"grouped_window_{window}", local_window_size=window)
    yield grouped("grouped_smooth", smooth_softmax=1)
    yield grouped("grouped_sinks", sinks=numbers(4, seed=7))
    yield grouped("grouped_past_sinks", batch=1, length=2, past=PAST,
                  sinks=numbers(4, seed=7), local_window_size=3)
    yield grouped("grouped_first", batch=1, rotary=True, opens=True)
    yield grouped("grouped_past", batch=1, length=1, past=PAST, rotary=True)
    yield grouped("grouped_past_window", batch=1, length=1, past=PAST,
                  local_window_size=2)
    yield grouped("grouped_bias", batch=1,
                  bias=numbers(1, 1, LENGTH, LENGTH, seed=7))
    ids = np.tile(np.arange(LENGTH)[::-1], (BATCH, 1)).copy()
    x = numbers(BATCH, LENGTH, WIDTH)
    split = numbers(BATCH, HEADS, LENGTH, SIZE)
    yield rotary("rotary", x, ids)
    yield rotary("rotary_offset", x, np.array([3]))
    yield rotary("rotary_heads", split, ids)
    yield rotary("rotary_interleaved", x, ids, interleaved=1)
    yield rotary("rotary_part", numbers(BATCH, LENGTH, 24), ids, size=4,
                 num_heads=3, rotary_embedding_dim=4)
    yield rotary("onnx_rotary", x, ids, domain="", num_heads=HEADS)
    yield rotary("onnx_rotary_heads", split, ids, domain="", interleaved=1)
    yield rotary("onnx_rotary_given", split, None, domain="",
                 angles_of=[numbers(BATCH, LENGTH, SIZE // 2, seed=s)
                            for s in (3, 4)])


def onnx_attention(title, mask=None, past=0, keys=LENGTH, heads=4, key_heads=2,
                   size=6, flat=False, lengths=None, opset=23, outputs=("y",),
                   **attributes):
    q = numbers(BATCH, heads, LENGTH, size)
    k = numbers(BATCH, key_heads, keys, size, seed=2)
    v = numbers(BATCH, key_heads, keys, size, seed=3)
    if flat:
        q, k, v = (x.transpose(0, 2, 1, 3).reshape(BATCH, x.shape[2], -1)
                   for x in (q, k, v))
        attributes |= {"q_num_heads": heads, "kv_num_heads": key_heads}
    shape = (BATCH, key_heads, past, size)
    inputs = [
        ("q", q), ("k", k), ("v", v), ("mask", mask),
        ("past_k", numbers(*shape, seed=5) if past else None),
        ("past_v", numbers(*shape, seed=6) if past else None),
        ("lengths", lengths),
    ]
    return Case(title, "Attention", inputs,
                ["q", "k", "v", "mask", "past_k", "past_v", "lengths"],
                outputs, domain="", opset=opset, **attributes)


def of_onnx():
    three = ("y", "present_k", "present_v")
    seen = np.random.default_rng(4).random((LENGTH, LENGTH)) < 0.6
    np.fill_diagonal(seen, True)
    yield onnx_attention("onnx")
    yield onnx_attention("onnx_flat", flat=True)
    yield onnx_attention("onnx_scale", scale=0.3, softcap=1.5)
    yield onnx_attention("onnx_causal", is_causal=1)
    yield onnx_attention("onnx_mask", mask=seen)
    yield onnx_attention("onnx_added", mask=numbers(BATCH, 1, LENGTH, LENGTH))
    yield onnx_attention("onnx_infinite",
                         mask=np.where(seen, 0, -np.inf).astype(np.float32))
    yield onnx_attention("onnx_both", mask=seen, is_causal=1, flat=True)
    yield onnx_attention("onnx_past", past=PAST, outputs=three)
    yield onnx_attention("onnx_past_causal", past=PAST, outputs=three,
                         is_causal=1)
    yield onnx_attention("onnx_across", keys=7)
    for mode in (0, 3):
        yield onnx_attention(f"onnx_scores_{mode}", outputs=("y", "", "", "qk"),
                             qk_matmul_output_mode=mode, is_causal=mode // 3)
    yield onnx_attention("onnx_lengths", opset=24, keys=8,
                         lengths=np.array([8, 6]))


def refused():
    yield attention("shared", past=joint_past(), outputs=("y", "present"),
                    past_present_share_buffer=1), "share"
    yield grouped("pasts_differ", past=PAST, length=1), "batch of 1"
    yield grouped("length_unknown", batch=1, past=PAST, length=1,
                  lengths_are_asked=True), "--value"
    yield grouped("padded", batch=1, past=PAST, length=1,
                  counts=PAST), "only a piece"
    yield onnx_attention("masked_scores", outputs=("y", "", "", "qk"),
                         qk_matmul_output_mode=2, is_causal=1), "qk_matmul"


class Attention(OneNode):
    def test_what_the_optimiser_writes(self):
        self.check_answers(of_optimiser())

    def test_what_language_models_are_made_of(self):
        self.check_answers(of_language_models())

    def test_what_onnx_has_since_opset_23(self):
        self.check_answers(of_onnx())

    def test_what_is_not_taken_is_refused(self):
        self.check_refused(refused())


if __name__ == "__main__":
    unittest.main()
