"""Which single operators are slower than ONNX Runtime's?

A model of one operator for each line: requests of both engines in turn, all
weights resident; a ratio is the median over rounds of the ratio of two times of
the same round. Requests come and go in the order of the model, so a picture is
turned on its way in and out: the last column is what the operator's own layers
take, which is what it costs between two convolutions. Above 2 we would worry.

  operators.sh [--threads N] [--rounds N] [NAME...]     names are parts of names
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import peers

RNG = np.random.default_rng(1)
PICTURE = [1, 64, 112, 112]
LIKE = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def node(op_type, inputs, outputs=("y",), opset=17, **attributes):
    """A model: an input is a shape, or (shape, "int64"), or a constant."""
    names, given, constants = [], [], []
    for number, value in enumerate(inputs):
        names.append(f"x{number}")
        if isinstance(value, np.ndarray):
            constants.append(numpy_helper.from_array(value, names[-1]))
        else:
            shape, kind = value if isinstance(value, tuple) else (value,
                                                                  "float32")
            given.append(
                helper.make_tensor_value_info(names[-1], LIKE[kind], shape))
    results = [
        helper.make_tensor_value_info(
            o, TensorProto.INT64 if o == "places" else TensorProto.FLOAT, None)
        for o in outputs
    ]
    graph = helper.make_graph(
        [helper.make_node(op_type, names, list(outputs), **attributes)],
        "operator", given, results, constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


def resize(x, factor, mode, coordinates):
    return node("Resize", [x, floats(0), np.array(factor, np.float32)],
                mode=mode, coordinate_transformation_mode=coordinates,
                nearest_mode="floor")


def convolution(x, kernel, transposed=False, **attributes):
    outputs = kernel[1] if transposed else kernel[0]
    return node("ConvTranspose" if transposed else "Conv",
                [x, 0.05 * floats(*kernel), floats(outputs)], **attributes)


def recurrent(op_type, gates, steps, size):
    return node(
        op_type,
        [[steps, 1, size], 0.1 * floats(1, gates * size, size),
         0.1 * floats(1, gates * size, size), floats(1, 2 * gates * size)],
        hidden_size=size)


def models():
    last = {"axes": [-1]}
    yield "softmax of attention", node("Softmax", [[12, 128, 128]], axis=-1)
    yield "softmax of channels", node("Softmax", [[1, 21, 256, 256]], axis=1)
    yield "layer norm", node("LayerNormalization",
                             [[1, 128, 768], floats(768), floats(768)])
    yield "instance norm", node("InstanceNormalization",
                                [[1, 64, 128, 128], floats(64), floats(64)])
    for mode in ("nearest", "linear", "cubic"):
        yield f"resize, {mode}", resize([1, 32, 64, 64], [1, 1, 2, 2], mode,
                                        "asymmetric")
    yield "resize, halves", resize([1, 3, 448, 448], [1, 1, .5, .5], "linear",
                                   "half_pixel")
    yield "resize, 1 dimension", resize([1, 64, 1000], [1, 1, 2], "linear",
                                        "half_pixel")
    yield "grid sample", node("GridSample", [[1, 32, 64, 64], [1, 64, 64, 2]])
    yield "transpose", node("Transpose", [PICTURE], perm=[0, 2, 3, 1])
    yield "transpose of heads", node("Transpose", [[1, 128, 12, 64]],
                                     perm=[0, 2, 1, 3])
    for mode in ("constant", "reflect"):
        yield f"pad, {mode}", node("Pad",
                                   [PICTURE, ints(0, 0, 1, 1, 0, 0, 1, 1)],
                                   mode=mode)
    for kind in ("Mean", "Max"):
        yield f"{kind.lower()} of rows", node(f"Reduce{kind}", [[128, 768]],
                                              **last)
        yield f"{kind.lower()} of channels", node(
            f"Reduce{kind}", [[1, 256, 56, 56]], axes=[1])
        yield f"{kind.lower()} of pictures", node(
            f"Reduce{kind}", [[1, 256, 56, 56]], axes=[2, 3])
    yield "largest place in rows", node("ArgMax", [[128, 1000]], ["places"],
                                        axis=-1)
    yield "largest channel", node("ArgMax", [[1, 21, 256, 256]], ["places"],
                                  axis=1)
    yield "top 5 of rows", node("TopK", [[128, 1000], ints(5)],
                                ["y", "places"])
    yield "top 300", node("TopK", [[1, 8400], ints(300)], ["y", "places"])
    yield "gather of rows", node("Gather", [[4096, 64], ([4096], "int64")])
    yield "gather of elements", node("GatherElements",
                                     [[128, 1000], ([128, 200], "int64")],
                                     axis=1)
    size = {"kernel_shape": [3, 3], "pads": [1] * 4}
    yield "max pool", node("MaxPool", [PICTURE], strides=[2, 2], **size)
    yield "average pool", node("AveragePool", [[1, 192, 35, 35]], **size)
    yield "transposed 2 x 2", convolution([1, 64, 56, 56], [64, 32, 2, 2],
                                          True, strides=[2, 2])
    yield "transposed 4 x 4", convolution([1, 64, 32, 32], [64, 32, 4, 4],
                                          True, strides=[2, 2], pads=[1] * 4)
    yield "1 dimension", convolution([1, 64, 1000], [128, 64, 3], pads=[1, 1])
    yield "first layer", convolution([1, 3, 224, 224], [64, 3, 7, 7],
                                     strides=[2, 2], pads=[3] * 4)
    yield "depthwise 7 x 7", convolution([1, 96, 56, 56], [96, 1, 7, 7],
                                         group=96, pads=[3] * 4)
    for op_type in ("Relu", "Sigmoid", "Tanh", "Exp", "Erf", "HardSwish"):
        yield op_type, node(op_type, [PICTURE])
    yield "add", node("Add", [PICTURE, PICTURE])
    yield "multiply by channel", node("Mul", [PICTURE, floats(64, 1, 1)])
    yield "joined", node("Concat", [[1, 64, 56, 56]] * 2, axis=1)
    yield "product", node("MatMul", [[12, 128, 64], [12, 64, 128]])
    yield "LSTM", recurrent("LSTM", 4, 64, 128)
    yield "GRU", recurrent("GRU", 3, 32, 256)


def own_us(option, file):
    """Of the parts that are no copies of inputs and outputs."""
    run = subprocess.run(
        [option.part_times, str(option.threads), "20", file], check=True,
        stdout=subprocess.PIPE, text=True)
    lines = [line.split() for line in run.stdout.splitlines()]
    rows = [f for f in lines if len(f) > 8 and f[0].isdigit()]
    return sum(float(f[3]) for f in rows
               if not (f[7] == "Copy" and f[-1] == "(copy)"))


def compared(option, model, folder):
    onnx_path, file = f"{folder}/m.onnx", f"{folder}/m.layers"
    onnx.save(model, onnx_path)
    subprocess.run([option.layerctl, "pack", onnx_path, "-o", file],
                   check=True, stdout=subprocess.DEVNULL)
    threads = str(option.threads)
    able = [
        peers.Contender("layerd", [option.contender, threads, file]),
        peers.Contender("onnxruntime", [
            sys.executable, f"{peers.HERE}/peer.py", "onnxruntime", threads,
            onnx_path
        ])
    ]
    times = peers.compete(able, option.rounds, 0)
    ours, theirs = times["layerd"], times["onnxruntime"]
    return (1e3 * statistics.median(ours), 1e3 * statistics.median(theirs),
            statistics.median(a / b for a, b in zip(ours, theirs)),
            own_us(option, file))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=200)
    for program in ("layerctl", "contender", "part-times"):
        parser.add_argument(f"--{program}", required=True)
    option = parser.parse_args()
    print("| operator | layerd, us | onnxruntime, us | ratio | own layers, us |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models():
            if option.names and not any(n in name for n in option.names):
                continue
            ours, theirs, ratio, own = compared(option, model, folder)
            print(f"| {name} | {ours:.0f} | {theirs:.0f} | {ratio:.2f} | "
                  f"{own:.0f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
