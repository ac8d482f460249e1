"""DenseNet-201."""

from architectures import densenet

SEED = 201


def build(graph):
    densenet.build(graph, (6, 12, 48, 32))
