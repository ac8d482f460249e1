"""ResNet-50."""

from architectures import resnet

SEED = 50


def build(graph):
    resnet.build(graph, (3, 4, 6, 3))
