"""ResNet-50 for pictures of 64 x 64."""

from architectures import resnet, own_size

SEED = 50


def build(graph):
    resnet.build(own_size.OwnSize(graph), (3, 4, 6, 3), 64)
