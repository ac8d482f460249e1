"""Do RoiAlign, MaxUnpool and Col2Im, which detectors and their like end in,
pools of partial windows and of powers, borders that wrap, grids of points, and
a Resize of bytes, as they are quantised, mean here what they mean to ONNX
Runtime?"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import numpy as np

from one_node import Case, OneNode, numbers


def roi_align(title, opset=16, ratio=2, **attributes):
    corners = np.random.default_rng(2).uniform(-4, 40, (6, 2, 2))
    boxes = np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)
    inputs = [("x", numbers(2, 3, 9, 12)), ("boxes", boxes.astype(np.float32)),
              ("pictures", np.array([0, 1, 1, 0, 0, 1]))]
    return Case(title, "RoiAlign", inputs, ["x", "boxes", "pictures"],
                domain="", opset=opset, sampling_ratio=ratio,
                spatial_scale=0.25, **attributes)


def unpool(title, places, shape=None, **attributes):
    places = np.array(places)
    inputs = [("x", numbers(*places.shape)), ("places", places),
              ("shape", None if shape is None else np.array(shape))]
    return Case(title, "MaxUnpool", inputs, ["x", "places"], domain="",
                opset=11, kernel_shape=[2, 2], strides=[2, 2], **attributes)


def col2im(title, picture, block, channels=3, **attributes):
    pads = attributes.get("pads", [0] * 2 * len(block))
    strides = attributes.get("strides", [1] * len(block))
    dilations = attributes.get("dilations", [1] * len(block))
    windows = 1
    for d, size in enumerate(picture):
        reach = dilations[d] * (block[d] - 1) + 1
        whole = size + pads[d] + pads[d + len(block)]
        windows *= (whole - reach) // strides[d] + 1
    inputs = [("x", numbers(2, channels * int(np.prod(block)), windows)),
              ("picture", np.array(picture)), ("block", np.array(block))]
    return Case(title, "Col2Im", inputs, ["x"], domain="", opset=18,
                **attributes)


def resized(title, dtype, opset=13, **attributes):
    picture = np.random.default_rng(3).integers(
        np.iinfo(dtype).min, np.iinfo(dtype).max, (1, 3, 5, 7), dtype, True)
    scales = np.array([1, 1, 2, 1.5], np.float32)
    inputs = [("x", picture), ("scales", scales)]
    if opset > 10:
        inputs.insert(1, ("roi", np.zeros(0, np.float32)))
    return Case(title, "Resize", inputs, ["x"], domain="", opset=opset,
                **attributes)


def powers(title, op_type="LpPool", size=(2, 3, 9, 7), opset=18, **attributes):
    return Case(title, op_type, [("x", numbers(*size))], ["x"], domain="",
                opset=opset, **attributes)


def pooled(title, op_type, size, kernel, opset=22, **attributes):
    return Case(title, op_type, [("x", numbers(*size))], ["x"], domain="",
                opset=opset, kernel_shape=kernel, **attributes)


def partial_pools():
    """Windows that hang over the end, or lie in pads for the most part."""
    for op_type in ("MaxPool", "AveragePool"):
        name = op_type.lower()
        yield pooled(f"{name}_ceil", op_type, (1, 3, 8, 6), [3, 3],
                     strides=[2, 2], ceil_mode=1)
        yield pooled(f"{name}_overlap", op_type, (2, 3, 5, 6), [3, 3],
                     strides=[1, 2], pads=[2, 2, 2, 1])
        yield pooled(f"{name}_ceil_pads", op_type, (1, 3, 7, 8), [3, 4],
                     strides=[3, 3], pads=[1, 2, 0, 1], ceil_mode=1)
        yield pooled(f"{name}_dilated", op_type, (1, 2, 9, 8), [3, 2],
                     strides=[2, 3], dilations=[2, 2], pads=[1, 0, 1, 1],
                     ceil_mode=1)
        yield pooled(f"{name}_one", op_type, (1, 2, 3, 4), [4, 2],
                     strides=[2, 2], ceil_mode=1)
        yield pooled(f"{name}_line", op_type, (1, 4, 10), [3], opset=13,
                     strides=[2], pads=[1, 0], ceil_mode=1)
        yield pooled(f"{name}_volume", op_type, (1, 2, 4, 5, 6), [3, 2, 3],
                     opset=11, strides=[2, 2, 2], pads=[1, 1, 0, 0, 1, 1],
                     ceil_mode=1)
    for ceil in (0, 1):
        yield pooled(f"counted_pads_{ceil}", "AveragePool", (1, 3, 7, 8),
                     [3, 4], strides=[3, 3], pads=[1, 2, 0, 1],
                     ceil_mode=ceil, count_include_pad=1)
    yield pooled("counted_same", "AveragePool", (1, 3, 7, 8), [3, 3],
                 opset=19, strides=[2, 2], auto_pad="SAME_LOWER",
                 count_include_pad=1)
    yield pooled("places", "MaxPool", (1, 3, 7, 8), [3, 3],
                 strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1,
                 outputs=["y", "at"])


def wrapped(title, pads, opset=19):
    return Case(title, "Pad", [("x", numbers(2, 3, 4)),
                               ("pads", np.array(pads))],
                ["x"], domain="", opset=opset, mode="wrap")


def points(title, size, **attributes):
    axes = len(size) - 2
    inputs = [("theta", numbers(size[0], axes, axes + 1)),
              ("size", np.array(size))]
    return Case(title, "AffineGrid", inputs, ["theta"], domain="", opset=20,
                **attributes)


def cases():
    yield from partial_pools()
    yield powers("powers", kernel_shape=[3, 2])
    yield powers("powers_11", opset=11, kernel_shape=[2, 2], p=3)
    yield powers("powers_sizes", kernel_shape=[2, 3], p=1, strides=[2, 2],
                 pads=[1, 0, 0, 2])
    yield powers("powers_same", kernel_shape=[3, 3], strides=[2, 2],
                 auto_pad="SAME_UPPER")
    yield powers("powers_dilated", opset=22, kernel_shape=[2, 2],
                 dilations=[3, 2])
    yield powers("powers_of_lines", size=(2, 3, 11), kernel_shape=[4],
                 strides=[3])
    for p in (1, 2, 3):
        yield powers(f"powers_of_all_{p}", "GlobalLpPool", p=p)
    yield wrapped("wrapped", [0, 1, 2, 0, 0, 3])
    yield wrapped("wrapped_whole", [2, 3, 4, 2, 3, 4], opset=25)
    for aligns in (0, 1):
        yield points(f"points_{aligns}", (2, 3, 4, 5), align_corners=aligns)
        yield points(f"points_of_volume_{aligns}", (1, 2, 3, 4, 5),
                     align_corners=aligns)
    yield points("points_of_column", (1, 1, 4, 1))
    for opset in (10, 16):
        yield roi_align(f"align_{opset}", opset, output_height=3,
                        output_width=4)
    yield roi_align("align_one")
    yield roi_align("align_max", mode="max", output_height=2, output_width=2)
    yield roi_align("align_corner", ratio=3, output_height=2, output_width=2,
                    coordinate_transformation_mode="output_half_pixel")
    yield unpool("unpool", [[[[5, 7], [13, 15]], [[16, 19], [24, 30]]]])
    yield unpool("unpool_shape", [[[[5, 7], [13, 15]]]], [1, 1, 5, 5])
    yield col2im("blocks", (5, 6), (2, 3))
    yield col2im("strides", (8, 9), (3, 2), strides=[2, 3])
    yield col2im("pads", (5, 5), (3, 3), pads=[1, 0, 1, 2])
    yield col2im("dilations", (8, 8), (2, 3), dilations=[3, 2], strides=[2, 2])
    for dtype in (np.uint8, np.int8):
        yield resized(f"bytes_{dtype.__name__}", dtype)
    yield resized("bytes_floor", np.uint8, nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")
    yield resized("bytes_10", np.uint8, opset=10)


def refused():
    yield roi_align("adaptive", ratio=0), "sampling_ratio 0"
    yield powers("powers_ceil", kernel_shape=[2, 2], strides=[2, 2],
                 ceil_mode=1), "ceil_mode"
    yield wrapped("wrapped_twice", [5, 0, 0, 0, 0, 0]), "wraps more"
    yield resized("bytes_between", np.uint8, mode="linear"), "cast to FP32"
    boxes = [("boxes", numbers(1, 20, 4)), ("scores", numbers(1, 2, 20))]
    yield Case("boxes", "NonMaxSuppression", boxes, ["boxes", "scores"],
               domain="", opset=11), "up to its inputs"


class Windows(OneNode):
    def test_answers_are_those_of_onnx_runtime(self):
        self.check_answers(cases())

    def test_what_is_not_taken_is_refused(self):
        self.check_refused(refused())


if __name__ == "__main__":
    unittest.main()
