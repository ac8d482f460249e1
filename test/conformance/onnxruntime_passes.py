"""Which backend cases does ONNX Runtime itself pass?

  $(test/tools/venv.sh) test/conformance/onnxruntime_passes.py [FOLDER [LISTS]]

Writes onnxruntime_passes.txt of the folder LISTS (default: this one), with which
RESULTS.md compares. One thread, all
optimisations off, the rule of test/tools/compare.py with the bounds that
agreement.cc has.
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))

import numpy as np
import onnxruntime

import oracle
import tensors
from compare import compare

CASES = "/usr/share/libonnx-testdata/data"
HALF = {"rtol": 1e-2, "atol": 1e-2}


def arrays(folder, stem):
    found = []
    while (path := folder / f"{stem}_{len(found)}.pb").exists():
        found.append(tensors.load(str(path)))
    return found


def agrees(got, want):
    bounds = HALF if want.dtype == np.float16 else {}
    if want.dtype.kind in "OSU":
        return got.shape == want.shape and (got == want).all()
    return compare(np.asarray(got), want, **bounds)[0] is None


def passes(folder):
    """Whether it answers every data set as expected; any error is a no."""
    model = str(folder / "model.onnx")
    for data in sorted(folder.glob("test_data_set_*")):
        names = oracle.input_names(model)
        feeds = dict(zip(names, arrays(data, "input")))
        got = list(oracle.answer(model, feeds).values())
        want = arrays(data, "output")
        if len(got) != len(want) or not all(map(agrees, got, want)):
            return False
    return True


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else CASES)
    passed = []
    for model in sorted(root.rglob("model.onnx")):
        folder = model.parent
        try:
            if passes(folder):
                passed.append(str(folder.relative_to(root)))
        except Exception as error:  # Whatever it is, the case did not pass.
            print(f"{folder.name}: {str(error)[:150]}", file=sys.stderr)
    text = f"# What onnxruntime {onnxruntime.__version__} passes, written by "
    text += "onnxruntime_passes.py.\n"
    text += "".join(f"{name}\n" for name in passed)
    lists = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else HERE
    (lists / "onnxruntime_passes.txt").write_text(text)
    print(f"{len(passed)} passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
