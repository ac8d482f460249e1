"""What the encoders share: layers that normalise, attend and mix, written as
exporters of different ages write them.

LayerNormalization is one node from opset 17 on, Gelu from 20 on. Before that
exporters spell both out.
"""

import numpy as np


def linear(graph, name, x, features, spread=1.0):
    """x @ weight + bias over the last dimension; each output deviates by
    about `spread`."""
    weight = graph.rng.standard_normal((x.value.shape[-1], features))
    raw = x.value @ weight.astype(np.float32)
    weight *= spread / raw.std(dtype=np.float64)
    bias = 0.1 * spread * graph.rng.standard_normal(features)
    y = graph.node(
        "MatMul", f"{name}.matmul", [x, graph.weight(f"{name}.weight", weight)]
    )
    return graph.node("Add", name, [graph.weight(f"{name}.bias", bias), y])


def layer_norm(graph, name, x, epsilon):
    features = x.value.shape[-1]
    scale = graph.weight(f"{name}.weight", graph.rng.uniform(0.6, 1.4, features))
    shift = graph.weight(
        f"{name}.bias", 0.2 * graph.rng.standard_normal(features)
    )
    if graph.opset >= 17:
        return graph.node(
            "LayerNormalization",
            name,
            [x, scale, shift],
            axis=-1,
            epsilon=epsilon,
        )
    mean = graph.node("ReduceMean", f"{name}.mean", [x], axes=[-1])
    centered = graph.node("Sub", f"{name}.centered", [x, mean])
    two = graph.constant(f"{name}.two", 2.0)
    square = graph.node("Pow", f"{name}.square", [centered, two])
    variance = graph.node("ReduceMean", f"{name}.variance", [square], axes=[-1])
    small = graph.constant(f"{name}.epsilon", epsilon)
    variance = graph.node("Add", f"{name}.padded", [variance, small])
    deviation = graph.node("Sqrt", f"{name}.deviation", [variance])
    y = graph.node("Div", f"{name}.div", [centered, deviation])
    y = graph.node("Mul", f"{name}.scaled", [y, scale])
    return graph.node("Add", name, [y, shift])


def gelu(graph, name, x):
    if graph.opset >= 20:
        return graph.node("Gelu", name, [x])
    root = graph.constant(f"{name}.root", np.sqrt(2.0))
    y = graph.node("Div", f"{name}.div", [x, root])
    y = graph.node("Erf", f"{name}.erf", [y])
    y = graph.node("Add", f"{name}.add", [y, graph.constant(f"{name}.one", 1.0)])
    y = graph.node("Mul", f"{name}.mul", [x, y])
    return graph.node("Mul", name, [y, graph.constant(f"{name}.half", 0.5)])


def mlp(graph, name, x, wide):
    features = x.value.shape[-1]
    x = linear(graph, f"{name}.fc1", x, wide)
    x = gelu(graph, f"{name}.gelu", x)
    return linear(graph, f"{name}.fc2", x, features, spread=0.5)


def attention(graph, name, query, key, value, heads, mask=None):
    """Softmax(q @ k / sqrt(size) + mask) @ v for [batch, tokens, features]."""
    size = query.value.shape[-1] // heads
    q = heads_first(graph, f"{name}.query", query, heads, [0, 2, 1, 3])
    k = heads_first(graph, f"{name}.key", key, heads, [0, 2, 3, 1])
    v = heads_first(graph, f"{name}.value", value, heads, [0, 2, 1, 3])
    scores = graph.node("MatMul", f"{name}.scores", [q, k])
    root = graph.constant(f"{name}.root", np.sqrt(size))
    scores = graph.node("Div", f"{name}.scaled", [scores, root])
    if mask:
        scores = graph.node("Add", f"{name}.masked", [scores, mask])
    shares = graph.node("Softmax", f"{name}.softmax", [scores], axis=-1)
    y = graph.node("MatMul", f"{name}.context", [shares, v])
    y = graph.node("Transpose", f"{name}.back", [y], perm=[0, 2, 1, 3])
    shape = graph.constant(f"{name}.shape", np.array([0, 0, heads * size]))
    return graph.node("Reshape", f"{name}.joined", [y, shape])


def heads_first(graph, name, x, heads, perm):
    size = x.value.shape[-1] // heads
    shape = graph.constant(f"{name}.shape", np.array([0, 0, heads, size]))
    x = graph.node("Reshape", f"{name}.split", [x, shape])
    return graph.node("Transpose", f"{name}.heads", [x], perm=perm)
