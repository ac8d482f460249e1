"""ResNet-50, v1.5 (the stride sits in the 3x3), as torchvision builds it."""

SEED = 50
BATCH = 1

# Width, blocks and stride of the four stages.
STAGES = [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]
EXPANSION = 4
# Weak branches and sums shifted to where Relu lets most of them pass: else
# fifty layers of random weights blow up each rounding, and a right answer
# in another order of additions would look like a wrong one.
SCALE, BRANCH_SCALE = (0.6, 1.4), (0.1, 0.5)
SHIFT = 0.5


def build(graph):
    x = graph.input("image", BATCH, (3, 224, 224))
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
    for i, (width, blocks, stride) in enumerate(STAGES, 1):
        for k in range(blocks):
            name = f"layer{i}.{k}"
            x = bottleneck(graph, name, x, width, 1 if k else stride)
    x = graph.node("GlobalAveragePool", "avgpool", [x])
    x = graph.node("Flatten", "flatten", [x], axis=1)
    graph.output(graph.head("fc", x, 1000), BATCH)


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
