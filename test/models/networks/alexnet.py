"""AlexNet in one column, as torchvision builds it."""

from architectures import plain

SEED = 1


def build(graph):
    x = graph.input("image", 1, (3, 224, 224))
    x = plain.conv_relu(graph, "features.0", x, 64, 11, stride=4, padding=2)
    x = plain.max_pool(graph, "features.2", x, 3)
    x = plain.conv_relu(graph, "features.3", x, 192, 5)
    x = plain.max_pool(graph, "features.5", x, 3)
    x = plain.conv_relu(graph, "features.6", x, 384, 3)
    x = plain.conv_relu(graph, "features.8", x, 256, 3)
    x = plain.conv_relu(graph, "features.10", x, 256, 3)
    x = plain.max_pool(graph, "features.12", x, 3)
    plain.classify(graph, x, ("classifier.1", "classifier.4", "classifier.6"))
