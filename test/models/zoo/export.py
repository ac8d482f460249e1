"""From a torch module to an ONNX file as users have it: several opsets, half
precision, eight bits."""

import random
import warnings

import numpy as np
import onnx
import torch

import registry

def seed():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def spread_statistics(module):
    """A fresh batch normalisation does nothing; a trained one does."""
    for norm in module.modules():
        if getattr(norm, "running_mean", None) is None:
            continue
        norm.running_mean.uniform_(-0.1, 0.1)
        norm.running_var.uniform_(0.7, 1.3)
        if norm.weight is not None:
            torch.nn.init.uniform_(norm.weight, 0.8, 1.2)
            torch.nn.init.uniform_(norm.bias, -0.1, 0.1)


def plain(build, opset, **how):
    """`build` returns a module and its example inputs; `how` is for the
    exporter."""

    def make(folder):
        seed()
        module, inputs = build()
        module.eval()
        spread_statistics(module)
        names = [f"in{i}" for i in range(len(inputs))]
        path = folder / "model.onnx"
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The exporter writes opset 9 and later.
            torch.onnx.export(module, inputs, str(path), input_names=names,
                              opset_version=max(opset, 9), **how)
        if opset < 9:
            old = onnx.version_converter.convert_version(
                onnx.load(path), opset)
            onnx.save(old, path)
        arrays = dict(zip(names, (each.numpy() for each in inputs)))
        read = {value.name for value in onnx.load(path).graph.input}
        return path, {n: a for n, a in arrays.items() if n in read}, {}

    return make


def half(make):
    """Weights, activations, inputs and outputs in half precision."""

    def made(folder):
        from onnxconverter_common import float16

        path, inputs, bound = make(folder)
        narrow = float16.convert_float_to_float16(
            onnx.load(path), disable_shape_infer=True)
        onnx.save(narrow, path)
        return path, {name: array.astype(np.float16)
                      if array.dtype == np.float32 else array
                      for name, array in inputs.items()}, bound

    return made


def half_weights(make):
    """Weights in half precision that a Cast widens."""

    def made(folder):
        path, inputs, bound = make(folder)
        model = onnx.load(path)
        for tensor in model.graph.initializer:
            array = onnx.numpy_helper.to_array(tensor)
            if array.dtype != np.float32 or array.size < 64:
                continue
            name = tensor.name
            tensor.CopyFrom(onnx.numpy_helper.from_array(
                array.astype(np.float16), name + "_half"))
            model.graph.node.insert(0, onnx.helper.make_node(
                "Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
        onnx.save(model, path)
        return path, inputs, bound

    return made


def quantised(make, how):
    """By ONNX Runtime's own tools: `how` is qdq, operators or dynamic. Weights
    of seven bits: of eight, its sums of two products do not fit their 16 bits
    where a processor has no VNNI, and its answers are others there."""

    def made(folder):
        from onnxruntime import quantization

        path, inputs, bound = make(folder)
        narrow = folder / "quantised.onnx"
        if how == "dynamic":
            quantization.quantize_dynamic(str(path), str(narrow),
                                          reduce_range=True)
            return narrow, inputs, bound

        class Samples(quantization.CalibrationDataReader):
            def __init__(self):
                self.left = [inputs] * 2

            def get_next(self):
                return self.left.pop() if self.left else None

        quantization.quantize_static(
            str(path), str(narrow), Samples(), per_channel=True,
            quant_format=quantization.QuantFormat.QDQ if how == "qdq"
            else quantization.QuantFormat.QOperator,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8, reduce_range=True)
        return narrow, inputs, bound

    return made


def optimised(make):
    """What ONNX Runtime's optimiser makes of it, up to its extended level."""

    def made(folder):
        import onnxruntime

        path, inputs, bound = make(folder)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = \
            onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(folder / "optimised.onnx")
        onnxruntime.InferenceSession(str(path), options)
        return folder / "optimised.onnx", inputs, bound

    return made


def add(name, family, build, opset=16, variants=(), **facts):
    """The network, and what else its users make of it: opset numbers, "half",
    "half_weights", "optimised", "functions" (one for each module), "qdq",
    "operators", "dynamic"."""
    make = plain(build, opset)
    registry.add(name, family, make, **facts)
    for variant in variants:
        called = f"{name}:{variant}"
        if isinstance(variant, int):
            registry.add(called, family, plain(build, variant))
        elif variant == "functions":
            registry.add(called, family, plain(
                build, opset, export_modules_as_functions=True))
        elif variant == "half":
            registry.add(called, "half precision", half(make))
        elif variant == "optimised":
            registry.add(called, family, optimised(make))
        elif variant == "half_weights":
            registry.add(called, "half precision", half_weights(make))
        else:
            registry.add(called, "quantised", quantised(make, variant),
                         is_quantised=True)


def network(family, **options):
    """Decorates a function that builds a module and its inputs."""

    def adder(build):
        add(build.__name__, family, build, **options)
        return build

    return adder
