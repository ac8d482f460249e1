"""A small encoder in the words of opset 20: LayerNormalization and Gelu are one node each."""

from architectures import bert

SEED = 20
OPSET = 20
TOKENS, WORDS = 16, 2000


def build(graph):
    bert.build(
        graph, TOKENS, features=64, layers=2, heads=4, words=WORDS, places=32
    )


def questions(rng):
    return bert.questions(rng, 2, TOKENS, WORDS)
