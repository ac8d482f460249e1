"""ResNet of bottlenecks, v1.5 (the stride sits in the 3x3), as torchvision
builds it."""

WIDTH, EXPANSION = 64, 4
# Pictures of any size have much the same statistics.
CALIBRATED_AT = (3, 224, 224)
# Weak branches and sums shifted to where Relu lets most of them pass: else
# fifty layers of random weights blow up each rounding, and a right answer
# in another order of additions would look like a wrong one.
SCALE, BRANCH_SCALE = (0.6, 1.4), (0.1, 0.5)
SHIFT = 0.5


def build(graph, blocks, pixels=224):
    """`blocks` of each of the four stages, for square pictures."""
    x = graph.input("image", 1, (3, pixels, pixels), CALIBRATED_AT)
    x = conv_norm(graph, "conv1", "bn1", x, 64, 7, stride=2)
    x = graph.node("Relu", "relu", [x])
    x = graph.node(
        "MaxPool",
        "maxpool",
        [x],
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    )
    for i, count in enumerate(blocks):
        for k in range(count):
            name = f"layer{i + 1}.{k}"
            stride = 2 if i > 0 and k == 0 else 1
            x = bottleneck(graph, name, x, WIDTH << i, stride)
    x = graph.node("GlobalAveragePool", "avgpool", [x])
    x = graph.node("Flatten", "flatten", [x], axis=1)
    graph.output(graph.head("fc", x, 1000), 1)


def bottleneck(graph, name, x, width, stride):
    shortcut = x
    if x.channels != width * EXPANSION:
        shortcut = conv_norm(
            graph,
            f"{name}.downsample.0",
            f"{name}.downsample.1",
            x,
            width * EXPANSION,
            1,
            stride,
        )
    y = x
    for i, (size, step) in enumerate([(1, 1), (3, stride)], 1):
        conv, norm = f"{name}.conv{i}", f"{name}.bn{i}"
        y = conv_norm(graph, conv, norm, y, width, size, step)
        y = graph.node("Relu", f"{name}.relu{i}", [y])
    y = graph.conv(f"{name}.conv3", y, width * EXPANSION, 1)
    y = graph.batch_norm(f"{name}.bn3", y, BRANCH_SCALE)
    y = graph.node("Add", f"{name}.add", [y, shortcut])
    return graph.node("Relu", f"{name}.relu", [y])


def conv_norm(graph, conv, norm, x, channels, size, stride=1):
    x = graph.conv(conv, x, channels, size, stride=stride)
    return graph.batch_norm(norm, x, SCALE, SHIFT)
