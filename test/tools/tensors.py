"""Tensors in files: .npy, and .pb (one serialized ONNX TensorProto)."""

import numpy as np


def load(path):
    """The array in a .npy or .pb file."""
    if path.endswith(".npy"):
        return np.load(path, allow_pickle=False)
    if path.endswith(".pb"):
        import onnx

        tensor = onnx.TensorProto()
        with open(path, "rb") as f:
            tensor.ParseFromString(f.read())
        return onnx.numpy_helper.to_array(tensor)
    raise ValueError(f"{path}: is neither .npy nor .pb")


def save_npy(path, array):
    """Writes C order, as layerctl reads it."""
    np.save(path, np.ascontiguousarray(array).reshape(array.shape))


def save_pb(path, name, array):
    import onnx

    tensor = onnx.numpy_helper.from_array(np.asarray(array), name)
    with open(path, "wb") as f:
        f.write(tensor.SerializeToString())
