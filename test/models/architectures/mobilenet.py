"""MobileNet v2, width 1.0, as torchvision builds it."""

# Pictures of any size have much the same statistics.
CALIBRATED_AT = (3, 224, 224)

# Expansion, channels, repetitions and stride of each stage.
STAGES = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]
# Before each Clip: some elements meet the 6, some the 0, but most pass, or
# fifty layers of random weights would blow up each rounding.
CLIPPED_SCALE = (1.0, 2.5)
CLIPPED_SHIFT = 1.5


def build(graph, batch, pixels=224):
    """For square pictures; a batch that has a name is free."""
    x = graph.input("image", batch, (3, pixels, pixels), CALIBRATED_AT)
    x = conv_norm_clip(graph, "features.0", x, 32, 3, stride=2)
    index = 1
    for expansion, channels, repetitions, stride in STAGES:
        for k in range(repetitions):
            step = 1 if k else stride
            name = f"features.{index}"
            x = inverted_residual(graph, name, x, expansion, channels, step)
            index += 1
    x = conv_norm_clip(graph, f"features.{index}", x, 1280, 1)
    x = graph.node("GlobalAveragePool", "avgpool", [x])
    x = graph.node("Flatten", "flatten", [x], axis=1)
    graph.output(graph.head("classifier.1", x, 1000), batch)


def inverted_residual(graph, name, x, expansion, channels, stride):
    y, wide = x, x.channels * expansion
    if expansion != 1:
        y = conv_norm_clip(graph, f"{name}.expand", y, wide, 1)
    y = conv_norm_clip(graph, f"{name}.depthwise", y, wide, 3, stride, wide)
    y = graph.conv(f"{name}.project.conv", y, channels, 1)
    y = graph.batch_norm(f"{name}.project.norm", y)
    if stride == 1 and x.channels == channels:
        y = graph.node("Add", f"{name}.add", [x, y])
    return y


def conv_norm_clip(graph, name, x, channels, size, stride=1, groups=1):
    x = graph.conv(f"{name}.conv", x, channels, size, stride, groups)
    x = graph.batch_norm(f"{name}.norm", x, CLIPPED_SCALE, CLIPPED_SHIFT)
    low = graph.constant(f"{name}.min", 0.0)
    high = graph.constant(f"{name}.max", 6.0)
    return graph.node("Clip", f"{name}.clip", [x, low, high])
