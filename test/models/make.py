"""Makes true-size networks with seeded weights, on demand, outside the
repository.

  make.py [--cache FOLDER] NAME...     NAME is a file in networks/

For each NAME it prints the folder that then holds, in the layout of the ONNX
backend tests,

  model.onnx
  test_data_set_0/input_0.pb, output_0.pb     noise, or a text
  test_data_set_1/input_0.pb, output_0.pb     a smooth random picture, or a
                                              text with padding

with the same tensors as .npy beside them. The expected outputs are ONNX
Runtime's, optimisations off, one thread. A folder that is there, complete and
made by the same recipe, is left alone; calls may run in parallel.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TOOLS = HERE.parent / "tools"
sys.path.insert(0, str(TOOLS))

import numpy as np
import onnx

import oracle
import tensors
from graph import OPSET, Graph
from pictures import pictures

STAMP = "made.json"
# Other pictures than those the network was calibrated with.
PICTURE_SEED = 20000


def names():
    return sorted(path.stem for path in (HERE / "networks").glob("*.py"))


def module(name):
    return importlib.import_module(f"networks.{name}")


def _modules(of):
    """The modules that a module of ours uses, and those that they use."""
    found = set()
    for value in vars(of).values():
        if isinstance(value, types.ModuleType) and hasattr(value, "__file__"):
            if HERE in pathlib.Path(value.__file__).parents:
                found |= {value} | _modules(value)
    return found


def recipe(name):
    """A digest of all that decides what is made."""
    digest = hashlib.sha256()
    network = module(name)
    parts = [
        pathlib.Path(part.__file__)
        for part in _modules(network)
        if pathlib.Path(part.__file__).parent.name == "architectures"
    ]
    for path in [
        HERE / "make.py",
        HERE / "graph.py",
        HERE / "pictures.py",
        HERE / "networks" / f"{name}.py",
        *sorted(parts),
        TOOLS / "oracle.py",
        TOOLS / "tensors.py",
        TOOLS / "requirements.txt",
    ]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def digests(folder):
    """{relative path: sha256} of all files but the stamp."""
    return {
        str(path.relative_to(folder)): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != STAMP
    }


def _sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def is_made(name, folder):
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return stamp == {"recipe": recipe(name), "files": digests(folder)}


@contextlib.contextmanager
def locked(path):
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def save_model(network, model, path):
    external = getattr(network, "EXTERNAL_DATA", None)
    if external:
        onnx.save_model(
            model,
            path,
            save_as_external_data=True,
            location=external,
            size_threshold=network.EXTERNAL_BYTES_MIN,
        )
    else:
        onnx.save_model(model, path)
    onnx.checker.check_model(str(path), full_check=True)


def save_tensor(folder, stem, name, array):
    tensors.save_pb(str(folder / f"{stem}.pb"), name, array)
    tensors.save_npy(str(folder / f"{stem}.npy"), array)


def two_pictures(path, rng):
    graph = onnx.load(path, load_external_data=False).graph
    (value,) = graph.input
    shape = [size.dim_value for size in value.type.tensor_type.shape.dim][1:]
    return {value.name: pictures(rng, 2, shape)}


def save_answers(network, path, folder):
    """Two questions, pictures unless the network has its own, and what it
    answers to them."""
    rng = np.random.default_rng(PICTURE_SEED + network.SEED)
    ask = getattr(network, "questions", lambda rng: two_pictures(path, rng))
    questions = ask(rng)
    for k in (0, 1):
        feeds = {name: both[k : k + 1] for name, both in questions.items()}
        target = folder / f"test_data_set_{k}"
        target.mkdir()
        for i, (name, array) in enumerate(feeds.items()):
            save_tensor(target, f"input_{i}", name, array)
        answers = oracle.answer(str(path), feeds)
        for i, (name, array) in enumerate(answers.items()):
            check_spread(name, array)
            save_tensor(target, f"output_{i}", name, array)


def check_spread(name, array):
    if not 0.3 < array.std() < 3:
        raise RuntimeError(
            f"{name}: its elements deviate by {array.std():.3g}, which proves"
            " little; they should by about 1"
        )


def make(name, folder):
    network = module(name)
    graph = Graph(name, network.SEED, getattr(network, "OPSET", OPSET))
    network.build(graph)
    path = folder / "model.onnx"
    save_model(network, graph.model(), path)
    del graph
    save_answers(network, path, folder)
    stamp = {"recipe": recipe(name), "files": digests(folder)}
    (folder / STAMP).write_text(json.dumps(stamp, indent=1))


def ensure(name, models):
    """The folder of network `name`, made now if need be."""
    folder = models / name
    with locked(models / f".{name}.lock"):
        if is_made(name, folder):
            return folder
        print(f"make.py: making {name} in {models}", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=models, prefix=".new-") as new:
            made = pathlib.Path(new) / name
            made.mkdir()
            make(name, made)
            if folder.exists():
                shutil.rmtree(folder)
            made.rename(folder)
    return folder


def default_cache():
    script = TOOLS / "cache_dir.sh"
    asked = subprocess.run([script], stdout=subprocess.PIPE, text=True)
    if asked.returncode != 0:
        sys.exit(1)
    return asked.stdout.strip()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cache", help="default: what cache_dir.sh prints")
    parser.add_argument("names", nargs="+", metavar="NAME")
    args = parser.parse_args()
    for name in args.names:
        if name not in names():
            parser.error(f"no network '{name}'; there is {', '.join(names())}")
    models = pathlib.Path(args.cache or default_cache()) / "models"
    models.mkdir(parents=True, exist_ok=True)
    for name in args.names:
        print(ensure(name, models))
    return 0


if __name__ == "__main__":
    sys.exit(main())
