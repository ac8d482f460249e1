"""Writes a network of layers.py as ONNX, its BatchNorms as nodes of their own.

Nothing is folded here: that is the importer's work.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import layers as nn

OPSET = 13
IR_VERSION = 8


class Exporter:
    def __init__(self):
        self.nodes, self.initializers, self.counts = [], [], {}

    def _name(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}{self.counts[kind]}"

    def _weights(self, name, arrays):
        names = []
        for suffix, array in arrays.items():
            names.append(f"{name}.{suffix}")
            array = np.ascontiguousarray(array, np.float32)
            self.initializers.append(numpy_helper.from_array(array, names[-1]))
        return names

    def _node(self, op, name, inputs, **attributes):
        self.nodes.append(
            helper.make_node(op, inputs, [name], name=name, **attributes)
        )
        return name

    def conv(self, layer, x):
        name = self._name("conv")
        pad = layer.size // 2
        return self._node(
            "Conv", name, [x, *self._weights(name, layer.parameters)],
            kernel_shape=[layer.size] * 2, pads=[pad] * 4,
        )  # fmt: skip

    def batch_norm(self, layer, x):
        name = self._name("norm")
        weights = {
            **layer.parameters, "mean": layer.mean, "variance": layer.variance
        }  # fmt: skip
        return self._node(
            "BatchNormalization", name, [x, *self._weights(name, weights)],
            epsilon=layer.epsilon,
        )  # fmt: skip

    def gemm(self, layer, x):
        name = self._name("fc")
        weights = self._weights(name, layer.parameters)
        return self._node("Gemm", name, [x, *weights], transB=1)

    def residual(self, layer, x):
        branch = self.chain(layer.body, x)
        return self._node("Add", self._name("add"), [x, branch])

    def chain(self, layers, x):
        for layer in layers:
            x = self.add(layer, x)
        return x

    def add(self, layer, x):
        match layer:
            case nn.Conv():
                return self.conv(layer, x)
            case nn.BatchNorm():
                return self.batch_norm(layer, x)
            case nn.Gemm():
                return self.gemm(layer, x)
            case nn.Residual():
                return self.residual(layer, x)
            case nn.Relu():
                return self._node("Relu", self._name("relu"), [x])
            case nn.MaxPool():
                return self._node(
                    "MaxPool", self._name("pool"), [x],
                    kernel_shape=[2, 2], strides=[2, 2],
                )  # fmt: skip
            case nn.Flatten():
                return self._node("Flatten", self._name("flatten"), [x], axis=1)
            case nn.Dropout():
                return x
        raise ValueError(f"no export for {type(layer).__name__}")


def save(layers, path):
    exporter = Exporter()
    last = exporter.chain(layers, "image")
    exporter.nodes[-1].output[0] = "logits"
    assert exporter.nodes[-1].name == last
    graph = helper.make_graph(
        exporter.nodes,
        "digits",
        [helper.make_tensor_value_info(
            "image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info(
            "logits", TensorProto.FLOAT, ["batch", 10])],
        exporter.initializers,
    )  # fmt: skip
    model = helper.make_model(
        graph,
        producer_name="layerd",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, path)
