"""The networks that the end-to-end tests ask, and their questions."""

import os
import pathlib
import subprocess

import onnx

import oracle
import tensors

HERE = pathlib.Path(os.path.realpath(__file__)).parent
ROOT = HERE.parent.parent
DIGITS = ROOT / "test" / "models" / "digits"
# Published networks; a folder that a checkout may have beside it.
SHARED = pathlib.Path(
    os.environ.get("LAYERD_SHARED_MODELS", ROOT.parent / "shared" / "models")
)


class Missing(Exception):
    """A network that is not on this machine."""


def made(name):
    """The folder of a network that test/models/make.sh makes."""
    make = subprocess.run(
        ["test/models/make.sh", name], capture_output=True, text=True
    )
    if make.returncode != 0:
        raise AssertionError(f"make.sh {name}: {make.stderr}")
    return pathlib.Path(make.stdout.strip())


def shared(name):
    folder = SHARED / name
    if not (folder / "model.onnx").exists():
        raise Missing(f"{name} is not there (LAYERD_SHARED_MODELS)")
    return folder


def questions(folder):
    """The input files of a network with one input, one for each data set."""
    sets = sorted(folder.glob("test_data_set_*"))
    return [
        next(path for path in (data / "input_0.npy", data / "input_0.pb")
             if path.exists())
        for data in sets
    ]


class Question:
    """Inputs and expected outputs, {name: array} in the graph's order."""

    def __init__(self, title, inputs, wants):
        self.title, self.inputs, self.wants = title, inputs, wants


def data_sets(folder):
    """The questions that lie beside a model, as .npy or .pb."""
    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    inputs = oracle.input_names(str(folder / "model.onnx"))
    outputs = [value.name for value in graph.output]
    return [
        Question(
            f"{folder.name}/{data.name}",
            _arrays(data, "input", inputs),
            _arrays(data, "output", outputs),
        )
        for data in sorted(folder.glob("test_data_set_*"))
    ]


def _arrays(data, stem, names):
    arrays = {}
    for i, name in enumerate(names):
        found = [
            path
            for end in ("npy", "pb")
            if (path := data / f"{stem}_{i}.{end}").exists()
        ]
        if not found:
            raise AssertionError(f"{data}: no {stem}_{i}")
        arrays[name] = tensors.load(str(found[0]))
    return arrays


def free_shapes(model, question):
    """{input: shape} of the inputs whose shape the model leaves free."""
    graph = onnx.load(model, load_external_data=False).graph
    shapes = {}
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name in question.inputs and any(
            dim.dim_value <= 0 for dim in dims
        ):
            shapes[value.name] = list(question.inputs[value.name].shape)
    return shapes
