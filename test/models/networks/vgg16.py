"""VGG-16 without batch normalization, as torchvision builds it."""

from architectures import plain

SEED = 16

# Channels of the convolutions of each stage; a pooling ends it.
STAGES = [(64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3]


def build(graph):
    x = graph.input("image", 1, (3, 224, 224))
    index = 0
    for stage in STAGES:
        for channels in stage:
            x = plain.conv_relu(graph, f"features.{index}", x, channels, 3)
            index += 2
        x = plain.max_pool(graph, f"features.{index}", x, 2)
        index += 1
    plain.classify(graph, x, ("classifier.0", "classifier.3", "classifier.6"))
