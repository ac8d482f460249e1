"""Small models of tables of numbers, converted from scikit-learn."""

import numpy as np
from sklearn import linear_model, neural_network, pipeline, preprocessing

import registry


def converted(build, opset=17):
    def make(folder):
        import skl2onnx

        rng = np.random.default_rng(0)
        x = rng.standard_normal((200, 12)).astype(np.float32)
        y = (x @ rng.standard_normal((12, 3))).astype(np.float32)
        made = build().fit(x, y)
        model = skl2onnx.to_onnx(made, x[:1], target_opset=opset)
        path = folder / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path, {model.graph.input[0].name: x[:1]}, {}

    return make


def network():
    return neural_network.MLPRegressor(hidden_layer_sizes=(32, 16), max_iter=50,
                                       random_state=0)


def scaled():
    return pipeline.make_pipeline(preprocessing.StandardScaler(), network())


for name, build in (("multilayer_perceptron", network),):
    registry.add(name, "scikit-learn", converted(build))
# Its own domain, ai.onnx.ml, has no place in a neural network.
for name, build in (("scaled_perceptron", scaled),
                    ("linear_regression", linear_model.LinearRegression)):
    registry.add(name, "scikit-learn", converted(build), refused="ai.onnx.ml")
