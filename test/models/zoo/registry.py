"""The list of networks that the zoo asks."""

import dataclasses
import typing


@dataclasses.dataclass
class Network:
    name: str
    family: str
    # (folder) -> (path of the ONNX file, {input: array}, {input to bind by
    # value}).
    make: typing.Callable
    # Part of the reason, of those that are refused on purpose.
    refused: str = ""
    # An 8-bit network multiplies whole numbers: ONNX Runtime rounds in other
    # places than we do.
    is_quantised: bool = False


NETWORKS = {}


def add(name, family, make, **facts):
    assert name not in NETWORKS, name
    NETWORKS[name] = Network(name, family, make, **facts)
