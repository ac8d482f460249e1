"""Vision Transformer, as torchvision builds it: the norm comes before what it
normalises, query, key and value are one layer."""

import numpy as np

from architectures import transformer

EPSILON = 1e-6


def build(graph, pixels, patch, features, layers, heads):
    x = graph.input("image", 1, (3, pixels, pixels))
    x = tokens(graph, x, patch, features)
    for k in range(layers):
        x = block(graph, f"encoder.layers.{k}", x, heads)
    x = transformer.layer_norm(graph, "encoder.ln", x, EPSILON)
    first = graph.constant("first", np.array(0))
    x = graph.node("Gather", "class", [x, first], axis=1)
    graph.output(graph.head("heads.head", x, 1000), 1)


def tokens(graph, x, patch, features):
    """A token of each patch, the class token before them."""
    x = graph.conv_like_norm("conv_proj", x, features, patch, patch, padding=0)
    patches = x.value.shape[2] * x.value.shape[3]
    shape = graph.constant("flat.shape", np.array([0, features, patches]))
    x = graph.node("Reshape", "flat", [x, shape])
    x = graph.node("Transpose", "patches", [x], perm=[0, 2, 1])
    token = graph.rng.standard_normal((1, 1, features))
    token = graph.weight("class_token", token)
    if len(x.value) > 1:  # The model's own batch is 1.
        token.value = np.repeat(token.value, len(x.value), 0)
    x = graph.node("Concat", "tokens", [token, x], axis=1)
    place = graph.rng.standard_normal((1, patches + 1, features))
    place = graph.weight("encoder.pos_embedding", place)
    return graph.node("Add", "placed", [x, place])


def block(graph, name, x, heads):
    y = transformer.layer_norm(graph, f"{name}.ln_1", x, EPSILON)
    y = self_attention(graph, f"{name}.self_attention", y, heads)
    x = graph.node("Add", f"{name}.add_1", [y, x])
    y = transformer.layer_norm(graph, f"{name}.ln_2", x, EPSILON)
    y = transformer.mlp(graph, f"{name}.mlp", y, 4 * x.value.shape[-1])
    return graph.node("Add", f"{name}.add_2", [x, y])


def self_attention(graph, name, x, heads):
    features = x.value.shape[-1]
    y = transformer.linear(graph, f"{name}.in_proj", x, 3 * features)
    sizes = graph.constant(f"{name}.sizes", np.array([features] * 3))
    names = [f"{name}.{part}" for part in ("q", "k", "v")]
    parts = graph.split_node("Split", f"{name}.qkv", [y, sizes], names, axis=-1)
    y = transformer.attention(graph, name, *parts, heads)
    return transformer.linear(graph, f"{name}.out_proj", y, features, 0.5)
