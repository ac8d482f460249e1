"""MobileNet v2; its batch is free."""

from architectures import mobilenet

SEED = 2
BATCH = "batch"


def build(graph):
    mobilenet.build(graph, BATCH)
