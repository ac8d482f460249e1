"""Writes the backend cases of the onnx package as Debian's data has its own.

  $(test/tools/venv.sh) test/conformance/recent/write_cases.py FOLDER

Only those that Debian's older release lacks: of another name, or of an opset
that it did not know.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

DEBIAN = pathlib.Path("/usr/share/libonnx-testdata/data/node")
DEBIAN_OPSET_MAX = 17


def opset(model):
    return max(
        (entry.version for entry in model.opset_import
         if entry.domain in ("", "ai.onnx")),
        default=0,
    )


def is_recent(case):
    return (
        opset(case.model) > DEBIAN_OPSET_MAX
        or not (DEBIAN / case.name).exists()
    )


def write_tensors(folder, stem, values, arrays):
    """What is no tensor stays away, and its case with it."""
    for i, (value, array) in enumerate(zip(values, arrays)):
        if isinstance(array, onnx.TensorProto):
            tensor = array
        elif isinstance(array, (np.ndarray, np.generic)):
            tensor = numpy_helper.from_array(np.asarray(array), value.name)
        else:
            continue
        (folder / f"{stem}_{i}.pb").write_bytes(tensor.SerializeToString())


def write(case, root):
    folder = root / "node" / case.name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for i, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{i}"
        data.mkdir()
        write_tensors(data, "input", case.model.graph.input, inputs)
        write_tensors(data, "output", case.model.graph.output, outputs)


def main():
    root = pathlib.Path(sys.argv[1])
    for case in load_model_tests(kind="node"):
        if case.model is not None and is_recent(case):
            write(case, root)


if __name__ == "__main__":
    main()
