"""BERT's encoder, as Hugging Face builds it: three inputs of token numbers, the
norm comes after what it normalises."""

import numpy as np

from architectures import transformer

EPSILON = 1e-12
TYPES = 2
CALIBRATION_TEXTS = 8


def build(graph, tokens, features, layers, heads, words=30522, places=512):
    batch = questions(graph.rng, CALIBRATION_TEXTS, tokens, words)
    ids, mask, types = (
        graph.integers(name, 1, value) for name, value in batch.items()
    )
    x = embeddings(graph, ids, types, tokens, features, words, places)
    mask = additive(graph, mask)
    for k in range(layers):
        x = layer(graph, f"encoder.layer.{k}", x, mask, heads)
    graph.output(renamed(graph, "last_hidden_state", x), 1)
    first = graph.constant("pooler.first", np.array(0))
    x = graph.node("Gather", "pooler.token", [x, first], axis=1)
    x = graph.dense_like_norm("pooler.dense", x, features)
    graph.output(graph.node("Tanh", "pooler_output", [x]), 1)


def questions(rng, texts, tokens, words):
    """Texts of random words; of every other one the last third is padding."""
    ids = rng.integers(1000, words, (texts, tokens))
    mask = np.ones_like(ids)
    types = np.repeat(
        (np.arange(tokens) >= tokens // 2)[None].astype(np.int64), texts, 0
    )
    mask[1::2, tokens - tokens // 3 :] = 0
    return {
        "input_ids": ids * mask,
        "attention_mask": mask,
        "token_type_ids": types * mask,
    }


def embeddings(graph, ids, types, tokens, features, words, places):
    def table(name, rows):
        numbers = graph.rng.standard_normal((rows, features), np.float32)
        return graph.weight(f"embeddings.{name}.weight", numbers)

    def looked_up(name, rows, at):
        inputs = [table(name, rows), at]
        return graph.node("Gather", f"embeddings.{name}", inputs)

    x = looked_up("word_embeddings", words, ids)
    y = looked_up("token_type_embeddings", TYPES, types)
    x = graph.node("Add", "embeddings.add_1", [x, y])
    at = graph.constant("embeddings.position_ids", np.arange(tokens)[None])
    y = looked_up("position_embeddings", places, at)
    x = graph.node("Add", "embeddings.add_2", [x, y])
    return transformer.layer_norm(graph, "embeddings.LayerNorm", x, EPSILON)


def additive(graph, mask):
    """0 where there is a word, -10000 where there is padding."""
    if graph.opset >= 13:
        axes = graph.constant("mask.axes", np.array([1, 2]))
        x = graph.node("Unsqueeze", "mask.unsqueezed", [mask, axes])
    else:
        x = graph.node("Unsqueeze", "mask.unsqueezed", [mask], axes=[1, 2])
    x = graph.node("Cast", "mask.cast", [x], to=1)
    x = graph.node("Sub", "mask.sub", [graph.constant("mask.one", 1.0), x])
    return graph.node("Mul", "mask", [x, graph.constant("mask.low", -10000.0)])


def layer(graph, name, x, mask, heads):
    features = x.value.shape[-1]
    parts = [
        transformer.linear(graph, f"{name}.attention.{part}", x, features)
        for part in ("query", "key", "value")
    ]
    y = transformer.attention(
        graph, f"{name}.attention.self", *parts, heads, mask
    )
    y = transformer.linear(graph, f"{name}.attention.output", y, features, 0.5)
    y = graph.node("Add", f"{name}.attention.add", [y, x])
    x = transformer.layer_norm(graph, f"{name}.attention.norm", y, EPSILON)
    y = transformer.mlp(graph, f"{name}.mlp", x, 4 * features)
    y = graph.node("Add", f"{name}.add", [y, x])
    return transformer.layer_norm(graph, f"{name}.norm", y, EPSILON)


def renamed(graph, name, x):
    """The node that made `x` last says what it makes by another name."""
    for node in graph.nodes:
        for names in (node.input, node.output):
            for i, old in enumerate(names):
                if old == x.name:
                    names[i] = name
    x.name = name
    return x
