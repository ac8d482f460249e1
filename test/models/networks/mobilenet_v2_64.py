"""MobileNet v2 for pictures of 64 x 64."""

from architectures import mobilenet, own_size

SEED = 2


def build(graph):
    mobilenet.build(own_size.OwnSize(graph), 1, 64)
