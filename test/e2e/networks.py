"""The networks that the end-to-end tests ask, and their questions."""

import os
import pathlib
import subprocess

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
