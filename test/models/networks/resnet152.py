"""ResNet-152."""

from architectures import resnet

SEED = 152


def build(graph):
    resnet.build(graph, (3, 8, 36, 3))
