"""A tiny network whose weights lie in a file of their own, weights.bin.

The smaller tensors stay inside model.onnx: both kinds occur in one file.
"""

SEED = 3
BATCH = 1
EXTERNAL_DATA = "weights.bin"
EXTERNAL_BYTES_MIN = 1024


def build(graph):
    x = graph.input("image", BATCH, (3, 32, 32))
    x = graph.conv("conv1", x, 16, 3, bias=True)
    x = graph.node("Relu", "relu1", [x])
    x = graph.conv("conv2", x, 32, 3, stride=2)
    x = graph.batch_norm("norm2", x)
    x = graph.node("Relu", "relu2", [x])
    x = graph.node("GlobalAveragePool", "pool", [x])
    x = graph.node("Flatten", "flatten", [x], axis=1)
    graph.output(graph.head("fc", x, 10), BATCH)
