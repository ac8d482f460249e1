"""Prints the README's row of each network: describe.py NAME...

    $(test/tools/venv.sh) -B test/models/describe.py resnet50
"""

import pathlib
import sys

import make
import numpy as np
import onnx
import onnxruntime

import tensors


def weight_bytes(model):
    return sum(
        4 * int(np.prod(tensor.dims)) for tensor in model.graph.initializer
    )


def inputs(model):
    words = []
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        shape = ", ".join(str(dim.dim_param or dim.dim_value) for dim in dims)
        words.append(f"`{value.name}` [{shape}]")
    return ", ".join(words)


def optimised(folder, model):
    """The largest answer, and its largest distance from the optimised one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    largest, apart = 0, 0
    for data in sorted(folder.glob("test_data_set_*")):
        feeds = {
            value.name: tensors.load(str(data / f"input_{i}.npy"))
            for i, value in enumerate(model.graph.input)
        }
        for i, got in enumerate(session.run(None, feeds)):
            want = tensors.load(str(data / f"output_{i}.npy"))
            largest = max(largest, np.abs(want).max())
            apart = max(apart, np.abs(want - got).max())
    return largest, apart


def main():
    models = pathlib.Path(make.default_cache()) / "models"
    for name in sys.argv[1:]:
        folder = make.ensure(name, models)
        model = onnx.load(folder / "model.onnx", load_external_data=False)
        largest, apart = optimised(folder, model)
        print(
            f"| `{name}` | {weight_bytes(model):,} | {len(model.graph.node)} |"
            f" {inputs(model)} | {largest:.1f} | {apart:.1e} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
