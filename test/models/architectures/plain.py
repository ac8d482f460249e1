"""Chains of convolutions and fully connected layers, from before there was
batch normalization: what AlexNet and VGG have in common."""

# Each layer's outputs are spread by hand: there is no norm to do it.
SCALE, SHIFT = (0.6, 1.4), 0.4


def conv_relu(graph, name, x, channels, size, stride=1, padding=None):
    x = graph.conv_like_norm(
        name, x, channels, size, stride, padding, SCALE, SHIFT
    )
    return graph.node("Relu", f"{name}.relu", [x])


def max_pool(graph, name, x, size):
    return graph.node(
        "MaxPool", name, [x], kernel_shape=[size, size], strides=[2, 2]
    )


def classify(graph, x, names):
    """Three fully connected layers, the last of 1000 classes."""
    # An adaptive pooling that has nothing to do, as exporters leave it.
    x = graph.node(
        "AveragePool", "avgpool", [x], kernel_shape=[1, 1], strides=[1, 1]
    )
    x = graph.node("Flatten", "flatten", [x], axis=1)
    for name in names[:2]:
        x = graph.dense_like_norm(name, x, 4096, SCALE, SHIFT)
        x = graph.node("Relu", f"{name}.relu", [x])
    graph.output(graph.head(names[2], x, 1000), 1)
