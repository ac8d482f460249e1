"""Sequences of a batch that end where the request says, against ONNX Runtime."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np

import asking
import networks
from one_node import Case, OneNode, numbers, whole

STEPS, BATCH, INPUTS, UNITS = 6, 4, 3, 5
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def recurrent(op_type, direction, *lengths):
    directions = 2 if direction == "bidirectional" else 1
    rows = GATES[op_type] * UNITS
    inputs = [("x", numbers(STEPS, BATCH, INPUTS)),
              ("w", numbers(directions, rows, INPUTS, seed=2)),
              ("r", numbers(directions, rows, UNITS, seed=3)),
              ("b", numbers(directions, 2 * rows, seed=4)),
              ("lengths", whole(*lengths)),
              ("h0", numbers(directions, BATCH, UNITS, seed=5))]
    outputs = ["y", "last"]
    if op_type == "LSTM":
        inputs.append(("c0", numbers(directions, BATCH, UNITS, seed=6)))
        outputs.append("cell")
    return Case(f"{op_type}_{direction}", op_type, inputs,
                ["x", "lengths", "h0", "c0"], outputs, domain="", opset=14,
                direction=direction, hidden_size=UNITS)


def reverse(*shape, lengths, time_axis):
    return Case(f"ReverseSequence_{time_axis}", "ReverseSequence",
                [("x", numbers(*shape)),
                 ("lengths", np.array(lengths, np.int64))],
                ["x", "lengths"], domain="", opset=10, time_axis=time_axis,
                batch_axis=1 - time_axis)


def of_all_kinds():
    for op_type in GATES:
        for direction in ("forward", "reverse", "bidirectional"):
            yield recurrent(op_type, direction, 3, 6, 0, 1)
    yield reverse(5, 3, lengths=[1, 5, 3], time_axis=0)
    yield reverse(3, 5, 2, 2, lengths=[2, 4, 5], time_axis=1)


class Sequences(OneNode):
    def test_lengths_of_the_request(self):
        self.check_answers(of_all_kinds())

    def test_a_length_beyond_the_steps_fails_the_request(self):
        case = recurrent("GRU", "reverse", 3, STEPS, 2, 1)
        question = case.question()
        case.save(self.folder / "model.onnx", question.wants)
        asking.pack(self.folder / "model.onnx", self.folder / "model.layers")
        feeds = dict(case.feeds, lengths=whole(3, STEPS + 1, 2, 1))
        asked = networks.Question("too long", feeds, question.wants)
        with self.assertRaises(asking.Refused) as refused:
            asking.run(self.folder / "model.layers", asked, self.folder)
        self.assertEqual(refused.exception.status, 1)


if __name__ == "__main__":
    unittest.main()
