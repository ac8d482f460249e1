"""DenseNet-201 for pictures of 64 x 64."""

from architectures import densenet, own_size

SEED = 201


def build(graph):
    densenet.build(own_size.OwnSize(graph), (6, 12, 48, 32), 64)
