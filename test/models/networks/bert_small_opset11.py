"""A small encoder in the words of opset 11: all is spelled out, axes are attributes."""

from architectures import bert

SEED = 11
OPSET = 11
TOKENS, WORDS = 16, 2000


def build(graph):
    bert.build(
        graph, TOKENS, features=64, layers=2, heads=4, words=WORDS, places=32
    )


def questions(rng):
    return bert.questions(rng, 2, TOKENS, WORDS)
