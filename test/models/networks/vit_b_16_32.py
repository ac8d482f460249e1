"""ViT-B/16 for pictures of 32 x 32: four patches."""

from architectures import vit

SEED = 86
OPSET = 17


def build(graph):
    vit.build(graph, 32, 16, features=768, layers=12, heads=12)
