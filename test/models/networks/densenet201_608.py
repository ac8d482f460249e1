"""DenseNet-201 for pictures of 608 x 608."""

from architectures import densenet

SEED = 201


def build(graph):
    densenet.build(graph, (6, 12, 48, 32), 608)
