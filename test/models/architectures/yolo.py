"""YOLOv4: backbone with Mish, neck and heads with LeakyRelu."""

# Square; a picture of 608 pixels would take four times as long.
CALIBRATED_AT = 320
ANCHORS, CLASSES = 3, 80
# See resnet.py.
SCALE, SHIFT, BRANCH_SCALE = (0.6, 1.4), 0.5, (0.1, 0.5)


def build(graph, pixels):
    small = (3, CALIBRATED_AT, CALIBRATED_AT)
    x = graph.input("image", 1, (3, pixels, pixels), small)
    stride8, stride16, stride32 = backbone(graph, x)
    p5 = pyramid_pooling(graph, stride32)
    p4 = five(graph, "neck.p4", upwards(graph, "neck.up4", p5, stride16), 256)
    p3 = five(graph, "neck.p3", upwards(graph, "neck.up3", p4, stride8), 128)
    head(graph, "head8", p3, pixels // 8)
    n4 = five(graph, "neck.n4", downwards(graph, "neck.down4", p3, p4), 256)
    head(graph, "head16", n4, pixels // 16)
    n5 = five(graph, "neck.n5", downwards(graph, "neck.down5", n4, p5), 512)
    head(graph, "head32", n5, pixels // 32)


def backbone(graph, x):
    """CSPDarknet53: what it makes at strides 8, 16 and 32."""
    x = conv_mish(graph, "backbone.conv0", x, 32, 3)
    x = first_stage(graph, "backbone.stage1", x)
    made = []
    for i, (channels, blocks) in enumerate(
        [(128, 2), (256, 8), (512, 8), (1024, 4)], 2
    ):
        x = stage(graph, f"backbone.stage{i}", x, channels, blocks)
        made.append(x)
    return made[1:]


def first_stage(graph, name, x):
    """The one whose two branches keep all channels."""
    x = conv_mish(graph, f"{name}.down", x, 64, 3, stride=2)
    aside = conv_mish(graph, f"{name}.aside", x, 64, 1)
    x = conv_mish(graph, f"{name}.main", x, 64, 1)
    x = residual(graph, f"{name}.block0", x, 32)
    return joined(graph, name, x, aside, 64, 64)


def stage(graph, name, x, channels, blocks):
    half = channels // 2
    x = conv_mish(graph, f"{name}.down", x, channels, 3, stride=2)
    aside = conv_mish(graph, f"{name}.aside", x, half, 1)
    x = conv_mish(graph, f"{name}.main", x, half, 1)
    for k in range(blocks):
        x = residual(graph, f"{name}.block{k}", x, half)
    return joined(graph, name, x, aside, half, channels)


def joined(graph, name, x, aside, half, channels):
    x = conv_mish(graph, f"{name}.end", x, half, 1)
    x = graph.node("Concat", f"{name}.concat", [x, aside], axis=1)
    return conv_mish(graph, f"{name}.join", x, channels, 1)


def residual(graph, name, x, inner):
    y = conv_mish(graph, f"{name}.conv1", x, inner, 1)
    y = conv_mish(graph, f"{name}.conv2", y, x.channels, 3, 1, BRANCH_SCALE)
    return graph.node("Add", f"{name}.add", [x, y])


def pyramid_pooling(graph, x):
    x = three(graph, "neck.before", x, 512)
    pooled = [
        graph.node(
            "MaxPool",
            f"neck.pool{size}",
            [x],
            kernel_shape=[size, size],
            strides=[1, 1],
            pads=[size // 2] * 4,
        )
        for size in (13, 9, 5)
    ]
    x = graph.node("Concat", "neck.pyramid", [*pooled, x], axis=1)
    return three(graph, "neck.after", x, 512)


def upwards(graph, name, x, skip):
    """Twice as large, beside what the backbone made there."""
    channels = x.channels // 2
    x = conv_leaky(graph, f"{name}.conv", x, channels, 1)
    scales = graph.constant(f"{name}.scales", [1.0, 1.0, 2.0, 2.0])
    x = graph.node(
        "Resize",
        f"{name}.resize",
        [x, graph.absent, scales],
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    skip = conv_leaky(graph, f"{name}.skip", skip, channels, 1)
    return graph.node("Concat", f"{name}.concat", [skip, x], axis=1)


def downwards(graph, name, x, other):
    x = conv_leaky(graph, f"{name}.conv", x, other.channels, 3, stride=2)
    return graph.node("Concat", f"{name}.concat", [x, other], axis=1)


def three(graph, name, x, channels):
    x = conv_leaky(graph, f"{name}.conv0", x, channels, 1)
    x = conv_leaky(graph, f"{name}.conv1", x, 2 * channels, 3)
    return conv_leaky(graph, f"{name}.conv2", x, channels, 1)


def five(graph, name, x, channels):
    x = three(graph, name, x, channels)
    x = conv_leaky(graph, f"{name}.conv3", x, 2 * channels, 3)
    return conv_leaky(graph, f"{name}.conv4", x, channels, 1)


def head(graph, name, x, cells):
    x = conv_leaky(graph, f"{name}.conv", x, 2 * x.channels, 3)
    outputs = ANCHORS * (5 + CLASSES)
    x = graph.conv_like_norm(name, x, outputs, 1, scale=(0.8, 1.2))
    graph.output(x, 1, (outputs, cells, cells))


def conv_mish(graph, name, x, channels, size, stride=1, scale=SCALE):
    x = graph.conv(f"{name}.conv", x, channels, size, stride)
    x = graph.batch_norm(f"{name}.norm", x, scale, SHIFT)
    y = graph.node("Softplus", f"{name}.softplus", [x])
    y = graph.node("Tanh", f"{name}.tanh", [y])
    return graph.node("Mul", f"{name}.mish", [x, y])


def conv_leaky(graph, name, x, channels, size, stride=1):
    x = graph.conv(f"{name}.conv", x, channels, size, stride)
    x = graph.batch_norm(f"{name}.norm", x, SCALE, SHIFT)
    return graph.node("LeakyRelu", f"{name}.leaky", [x], alpha=0.1)
