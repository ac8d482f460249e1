"""An encoder of the size of BERT-base for 128 tokens, as exporters wrote it
before opset 17: LayerNormalization and Gelu are spelled out."""

from architectures import bert

SEED = 110
TOKENS, WORDS = 128, 30522


def build(graph):
    bert.build(graph, TOKENS, features=768, layers=12, heads=12)


def questions(rng):
    return bert.questions(rng, 2, TOKENS, WORDS)
