"""Small models of tables of numbers, converted from scikit-learn."""

import numpy as np
from sklearn import (decomposition, ensemble, impute, linear_model,
                     neural_network, pipeline, preprocessing)

import registry


def converted(build, opset=17, classes=None):
    """`classes`: labels to tell apart."""

    def make(folder):
        import skl2onnx

        rng = np.random.default_rng(0)
        x = rng.standard_normal((200, 12)).astype(np.float32)
        y = (x @ rng.standard_normal((12, 3))).astype(np.float32)
        if classes is not None:
            y = np.array(classes)[y.argmax(axis=1) % len(classes)]
        made = build().fit(x, y)
        options = {id(made): {"zipmap": False}} if classes is not None else None
        model = skl2onnx.to_onnx(made, x[:1], target_opset=opset,
                                 options=options)
        path = folder / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path, {model.graph.input[0].name: x[:1]}, {}

    return make


def network():
    return neural_network.MLPRegressor(hidden_layer_sizes=(32, 16), max_iter=50,
                                       random_state=0)


def classifier():
    return neural_network.MLPClassifier(hidden_layer_sizes=(16,), max_iter=50,
                                        random_state=0)


def scaled():
    return pipeline.make_pipeline(preprocessing.StandardScaler(), network())


def prepared():
    """What fills gaps, scales and normalises, before a linear model."""
    return pipeline.make_pipeline(
        impute.SimpleImputer(), preprocessing.RobustScaler(),
        preprocessing.Normalizer("l2"), linear_model.Ridge())


def components():
    return pipeline.make_pipeline(decomposition.PCA(4),
                                  linear_model.LinearRegression())


def thresholds():
    return pipeline.make_pipeline(preprocessing.Binarizer(threshold=0.2),
                                  linear_model.Ridge())


for name, build in (("multilayer_perceptron", network),
                    ("thresholds", thresholds),
                    ("scaled_perceptron", scaled),
                    ("linear_regression", linear_model.LinearRegression),
                    ("prepared_regression", prepared),
                    ("principal_components", components)):
    registry.add(name, "scikit-learn", converted(build))
for name, build, classes in (
        ("logistic_regression", linear_model.LogisticRegression, (3, 5, 9)),
        ("logistic_of_two", linear_model.LogisticRegression, (0, 1)),
        ("perceptron_classes", classifier, (3, 5, 9)),
        ("perceptron_of_two", classifier, (0, 1))):
    registry.add(name, "scikit-learn", converted(build, classes=classes))
# Trees compare and jump: no neural network.
registry.add("random_forest", "scikit-learn",
             converted(lambda: ensemble.RandomForestRegressor(5)),
             refused="it belongs to classical models")
