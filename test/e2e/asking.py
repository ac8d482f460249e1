"""Asks a packed network a question, with and without a daemon, and says
whether the answer is right."""

import numpy as np

import tensors
from compare import compare
from layerd import layerctl

DEFAULT = {"rtol": 1e-3, "atol": 1e-4}
HALF = {"rtol": 1e-2, "atol": 1e-2}


class Refused(Exception):
    """layerctl would not; its words and its exit status."""

    def __init__(self, ended):
        super().__init__(ended.err.strip() or f"exit status {ended.status}")
        self.status = ended.status


def named(name, path):
    """NAME=PATH of the command line."""
    return name.replace("=", "\\=") + f"={path}"


def pack(model, layers, shapes=None, *flags):
    words = []
    for name, shape in (shapes or {}).items():
        words += ["--shape", named(name, ",".join(map(str, shape)))]
    return done(layerctl("pack", model, "-o", layers, *words, *flags))


def done(ended):
    if ended.status != 0:
        raise Refused(ended)
    return ended


def run(layers, question, folder, budget="all", threads=1):
    """({output: array}, what ended): the answers of `layerctl run`."""
    words = files(question, folder)
    ended = done(
        layerctl("run", layers, *words, "--budget", budget,
                 "--threads", threads, "--json")
    )
    return answers(question, folder), ended


def infer(address, model, question, folder):
    """The same of a running daemon."""
    words = files(question, folder)
    ended = done(
        layerctl("infer", model, *words, "--address", address, "--json")
    )
    return answers(question, folder), ended


def files(question, folder):
    words = []
    for i, (name, array) in enumerate(question.inputs.items()):
        tensors.save_npy(folder / f"x{i}.npy", array)
        words += ["--input", named(name, folder / f"x{i}.npy")]
    for i, name in enumerate(question.wants):
        (folder / f"y{i}.npy").unlink(missing_ok=True)
        words += ["--output", named(name, folder / f"y{i}.npy")]
    return words


def answers(question, folder):
    return {
        name: tensors.load(str(folder / f"y{i}.npy"))
        for i, name in enumerate(question.wants)
    }


def why_wrong(got, question, top1=False):
    """Nothing, or which output does not agree, and how."""
    for name, want in question.wants.items():
        rule = HALF if want.dtype == np.float16 else DEFAULT
        reason, words = compare(got[name], want, **rule, top1=top1)
        if reason:
            return f"output {name}: {reason} {words}"
    return None
