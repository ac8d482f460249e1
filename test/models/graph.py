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
IR_VERSION = 8
CALIBRATION_PICTURES = 8


class Tensor:
    """A tensor of the graph: its name, and its value for the pictures."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    @property
    def channels(self):
        return self.value.shape[1]


class Graph:
    def __init__(self, name, seed):
        self.name = name
        self.rng = np.random.default_rng(seed)
        self.nodes, self.initializers = [], []
        self.inputs, self.outputs = [], []

    def input(self, name, batch, shape):
        """`batch` is 1, or the name of a free dimension."""
        self.inputs.append(_value_info(name, [batch, *shape]))
        value = pictures(self.rng, CALIBRATION_PICTURES, shape)
        return Tensor(name, value)

    def output(self, tensor, batch):
        shape = [batch, *tensor.value.shape[1:]]
        self.outputs.append(_value_info(tensor.name, shape))

    def weight(self, name, array):
        if array.dtype != np.int64:
            array = np.asarray(array, np.float32)
        self.initializers.append(numpy_helper.from_array(array, name))
        return Tensor(name, array)

    def node(self, op, name, inputs, output=None, **attributes):
        """Adds a node with one output, and computes it."""
        node = helper.make_node(
            op,
            [tensor.name for tensor in inputs],
            [output or name],
            name=name,
            **attributes,
        )
        self.nodes.append(node)
        return Tensor(node.output[0], _compute(node, inputs))

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

    def constant(self, name, number):
        """A scalar in a Constant node, as exporters write them."""
        value = np.array(number, np.float32)
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
        return helper.make_model(
            graph,
            producer_name="layerd",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )


def _value_info(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _compute(node, inputs):
    """What one node answers, by itself."""
    graph = helper.make_graph(
        [node],
        "one_node",
        [
            helper.make_tensor_value_info(
                tensor.name,
                helper.np_dtype_to_tensor_dtype(tensor.value.dtype),
                tensor.value.shape,
            )
            for tensor in inputs
        ],
        [onnx.ValueInfoProto(name=node.output[0])],
    )
    model = helper.make_model(
        graph,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    feeds = {tensor.name: tensor.value for tensor in inputs}
    return oracle.answer(model.SerializeToString(), feeds)[node.output[0]]
