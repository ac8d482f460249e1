"""DenseNet, as torchvision builds it: each layer sees what all layers before
it in its block have made."""

GROWTH, BOTTLENECK = 32, 4
CALIBRATED_AT = (3, 224, 224)
# What follows each norm is a Relu that lets most of it pass: see resnet.py.
SCALE, SHIFT = (0.6, 1.4), 0.5


def build(graph, blocks, pixels=224):
    """`blocks`: the layers of each of the four, for square pictures."""
    x = graph.input("image", 1, (3, pixels, pixels), CALIBRATED_AT)
    x = graph.conv("features.conv0", x, 2 * GROWTH, 7, stride=2)
    x = norm_relu(graph, "features.norm0", "features.relu0", x)
    x = graph.node(
        "MaxPool",
        "features.pool0",
        [x],
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    )
    for i, layers in enumerate(blocks, 1):
        x = dense_block(graph, f"features.denseblock{i}", x, layers)
        if i < len(blocks):
            x = transition(graph, f"features.transition{i}", x)
    x = norm_relu(graph, "features.norm5", "relu", x)
    x = graph.node("GlobalAveragePool", "avgpool", [x])
    x = graph.node("Flatten", "flatten", [x], axis=1)
    graph.output(graph.head("classifier", x, 1000), 1)


def dense_block(graph, name, x, layers):
    seen = [x]
    for k in range(1, layers + 1):
        layer = f"{name}.denselayer{k}"
        y = graph.node("Concat", f"{layer}.concat", seen, axis=1)
        y = norm_relu(graph, f"{layer}.norm1", f"{layer}.relu1", y)
        y = graph.conv(f"{layer}.conv1", y, BOTTLENECK * GROWTH, 1)
        y = norm_relu(graph, f"{layer}.norm2", f"{layer}.relu2", y)
        seen.append(graph.conv(f"{layer}.conv2", y, GROWTH, 3))
    return graph.node("Concat", f"{name}.concat", seen, axis=1)


def transition(graph, name, x):
    x = norm_relu(graph, f"{name}.norm", f"{name}.relu", x)
    x = graph.conv(f"{name}.conv", x, x.channels // 2, 1)
    return graph.node(
        "AveragePool", f"{name}.pool", [x], kernel_shape=[2, 2], strides=[2, 2]
    )


def norm_relu(graph, norm, relu, x):
    x = graph.batch_norm(norm, x, SCALE, SHIFT)
    return graph.node("Relu", relu, [x])
