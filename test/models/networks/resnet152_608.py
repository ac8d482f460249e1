"""ResNet-152 for pictures of 608 x 608."""

from architectures import resnet

SEED = 152


def build(graph):
    resnet.build(graph, (3, 8, 36, 3), 608)
