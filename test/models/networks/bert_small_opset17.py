"""A small encoder in the words of opset 17: LayerNormalization is one node."""

from architectures import bert

SEED = 17
OPSET = 17
TOKENS, WORDS = 16, 2000


def build(graph):
    bert.build(
        graph, TOKENS, features=64, layers=2, heads=4, words=WORDS, places=32
    )


def questions(rng):
    return bert.questions(rng, 2, TOKENS, WORDS)
