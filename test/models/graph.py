"""Builds an ONNX graph node by node, computing each node at once.

Every tensor carries its value for a few random pictures, so that a
BatchNormalization can take its mean and variance from what really arrives and
the last layer can be scaled to what it really answers. As exporters leave
them, random networks answer zeros or 1e8, and a test on such outputs proves
nothing.

All randomness comes from one generator: same seed, same network. ONNX Runtime
computes the values, on one thread; another processor may give other last bits.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import oracle
from pictures import pictures

OPSET = 13
CALIBRATION_PICTURES = 8


class Tensor:
    """A tensor of the graph: its name, and its value for the pictures."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    @property
    def channels(self):
        return self.value.shape[1]


class Graph:
    # An optional input that is left out.
    absent = Tensor("", None)

    def __init__(self, name, seed, opset=OPSET):
        self.name, self.opset = name, opset
        self.rng = np.random.default_rng(seed)
        self.nodes, self.initializers = [], []
        self.inputs, self.outputs = [], []

    def input(self, name, batch, shape, calibrated_at=None):
        """Pictures. `batch` is 1, or the name of a free dimension. Large ones
        are calibrated with smaller ones: `calibrated_at` is their shape."""
        self.inputs.append(_value_info(name, [batch, *shape]))
        shape = calibrated_at or shape
        value = pictures(self.rng, CALIBRATION_PICTURES, shape)
        return Tensor(name, value)

    def integers(self, name, batch, value):
        """Numbers that are looked up; `value` is the calibration's."""
        shape = [batch, *value.shape[1:]]
        self.inputs.append(_value_info(name, shape, TensorProto.INT64))
        return Tensor(name, value)

    def output(self, tensor, batch, shape=None):
        """`shape`, without the batch, where it is not the calibration's."""
        shape = [batch, *(shape or tensor.value.shape[1:])]
        self.outputs.append(_value_info(tensor.name, shape))

    def weight(self, name, array):
        if array.dtype != np.int64:
            array = np.asarray(array, np.float32)
        self.initializers.append(numpy_helper.from_array(array, name))
        return Tensor(name, array)

    def node(self, op, name, inputs, output=None, **attributes):
        """Adds a node with one output, and computes it."""
        (made,) = self.split_node(
            op, name, inputs, [output or name], **attributes
        )
        return made

    def split_node(self, op, name, inputs, outputs, **attributes):
        """The same with several outputs."""
        node = helper.make_node(
            op,
            [tensor.name for tensor in inputs],
            outputs,
            name=name,
            **attributes,
        )
        self.nodes.append(node)
        values = self._compute(node, inputs)
        return [Tensor(name, values[name]) for name in outputs]

    def conv(self, name, x, channels, size, stride=1, groups=1, bias=False):
        """Weights as He and others draw them: variance 2 / fan-in."""
        fan_in = x.channels // groups * size * size
        shape = (channels, x.channels // groups, size, size)
        weight = self.rng.standard_normal(shape, np.float32)
        weight *= np.float32(np.sqrt(2 / fan_in))
        inputs = [x, self.weight(name + ".weight", weight)]
        if bias:
            values = 0.1 * self.rng.standard_normal(channels)
            inputs.append(self.weight(name + ".bias", values))
        return self.node(
            "Conv",
            name,
            inputs,
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[size // 2] * 4,
            dilations=[1, 1],
            group=groups,
        )

    def batch_norm(self, name, x, scale=(0.6, 1.4), shift=0.0):
        """Statistics are x's own; what comes out has deviations drawn from the
        range `scale`, around `shift`."""
        value = x.value.astype(np.float64)
        parameters = {
            "weight": self.rng.uniform(*scale, x.channels),
            "bias": shift + 0.2 * self.rng.standard_normal(x.channels),
            "running_mean": value.mean((0, 2, 3)),
            "running_var": value.var((0, 2, 3)),
        }
        inputs = [x] + [
            self.weight(f"{name}.{key}", array)
            for key, array in parameters.items()
        ]
        return self.node(
            "BatchNormalization", name, inputs, epsilon=1e-5, momentum=0.9
        )

    def conv_like_norm(self, name, x, channels, size, stride=1, padding=None,
                       scale=(0.6, 1.4), shift=0.0):
        """A convolution with a bias and nothing behind it, whose outputs
        spread as if a batch_norm had been folded into it."""
        fan_in = x.channels * size * size
        shape = (channels, x.channels, size, size)
        weight = self.rng.standard_normal(shape, np.float32)
        weight *= np.float32(np.sqrt(2 / fan_in))
        padding = size // 2 if padding is None else padding
        attributes = {
            "kernel_shape": [size, size],
            "strides": [stride, stride],
            "pads": [padding] * 4,
            "dilations": [1, 1],
            "group": 1,
        }
        return self._like_norm(
            "Conv", name, x, weight, scale, shift, **attributes
        )

    def dense_like_norm(self, name, x, features, scale=(0.6, 1.4), shift=0.0):
        """A fully connected layer whose outputs spread so."""
        shape = (features, x.value.shape[1])
        weight = self.rng.standard_normal(shape, np.float32)
        return self._like_norm(
            "Gemm", name, x, weight, scale, shift, transB=1
        )

    def _like_norm(self, op, name, x, weight, scale, shift, **attributes):
        raw = self._compute(
            helper.make_node(op, ["x", "w"], ["y"], **attributes),
            [Tensor("x", x.value), Tensor("w", weight)],
        )["y"]
        outputs = len(weight)
        axes = tuple(axis for axis in range(raw.ndim) if axis != 1)
        factor = self.rng.uniform(*scale, outputs) / raw.std(
            axes, dtype=np.float64
        )
        offset = shift + 0.2 * self.rng.standard_normal(outputs)
        offset -= factor * raw.mean(axes, dtype=np.float64)
        factor, offset = factor.astype(np.float32), offset.astype(np.float32)
        weight *= factor.reshape(-1, *[1] * (weight.ndim - 1))
        inputs = [
            x,
            self.weight(name + ".weight", weight),
            self.weight(name + ".bias", offset),
        ]
        self.nodes.append(
            helper.make_node(
                op,
                [tensor.name for tensor in inputs],
                [name],
                name=name,
                **attributes,
            )
        )
        across = (1, -1) + (1,) * (raw.ndim - 2)
        raw *= factor.reshape(across)
        raw += offset.reshape(across)
        return Tensor(name, raw)

    def constant(self, name, number):
        """A scalar in a Constant node, as exporters write them."""
        value = np.asarray(number)
        if value.dtype != np.int64:
            value = value.astype(np.float32)
        self.nodes.append(
            helper.make_node(
                "Constant",
                [],
                [name],
                name=name,
                value=numpy_helper.from_array(value, name),
            )
        )
        return Tensor(name, value)

    def head(self, name, x, classes, output="logits"):
        """A fully connected layer whose answers spread about 1.

        Its bias takes away what all pictures have in common, so that the
        answer depends on the picture.
        """
        features = x.value.astype(np.float64)
        weight = self.rng.standard_normal((classes, features.shape[1]))
        mean = features.mean(0)
        weight /= ((features - mean) @ weight.T).std()
        inputs = [
            x,
            self.weight(name + ".weight", weight),
            self.weight(name + ".bias", -(weight @ mean)),
        ]
        return self.node("Gemm", name, inputs, output=output, transB=1)

    def model(self):
        graph = helper.make_graph(
            self.nodes, self.name, self.inputs, self.outputs, self.initializers
        )
        return self._model(graph)

    def _compute(self, node, inputs):
        """What one node answers, by itself: {output name: value}."""
        feeds = {t.name: t.value for t in inputs if t.name}
        graph = helper.make_graph(
            [node],
            "one_node",
            [
                _value_info(
                    name,
                    value.shape,
                    helper.np_dtype_to_tensor_dtype(value.dtype),
                )
                for name, value in feeds.items()
            ],
            [onnx.ValueInfoProto(name=name) for name in node.output],
        )
        model = self._model(graph)
        return oracle.answer(model.SerializeToString(), feeds)

    def _model(self, graph):
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(
            graph,
            producer_name="layerd",
            ir_version=max(7, helper.find_min_ir_version_for(opsets)),
            opset_imports=opsets,
        )


def _value_info(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)
