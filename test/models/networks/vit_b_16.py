"""ViT-B/16. LayerNormalization is one node, Gelu is spelled out: opset 17."""

from architectures import vit

SEED = 86
OPSET = 17


def build(graph):
    vit.build(graph, 224, 16, features=768, layers=12, heads=12)
