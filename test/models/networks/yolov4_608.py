"""YOLOv4 for pictures of 608 x 608: CSPDarknet53, spatial pyramid pooling,
path aggregation, and the three raw heads of 80 classes, as its authors
published it. Mish is spelled out, as exporters do before opset 18."""

from architectures import yolo

SEED = 4


def build(graph):
    yolo.build(graph, 608)
