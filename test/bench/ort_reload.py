"""ONNX Runtime as who has no memory for a network uses it: loaded for each
request, and let go after it. One request for each line that comes in, and a
line with its milliseconds for each that goes out.

  ort_reload.py MODEL.onnx
"""

import sys
import time

import numpy as np
import onnxruntime as ort


def numbers(name, dtype, shape):
    """As streaming_peers.cc has them."""
    shape = [d if isinstance(d, int) and d > 0 else 1 for d in shape]
    flat = np.arange(int(np.prod(shape)))
    if dtype == "tensor(int64)":
        tokens = (37 * flat + 5) % 1000 if name == "input_ids" \
            else np.full_like(flat, name == "attention_mask")
        return tokens.astype(np.int64).reshape(shape)
    return (flat % 251 / np.float32(251)).astype(np.float32).reshape(shape)


def answer():
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(
        sys.argv[1], options, ["CPUExecutionProvider"])
    session.run(None, {i.name: numbers(i.name, i.type, i.shape)
                       for i in session.get_inputs()})


for _ in sys.stdin:
    begin = time.perf_counter()
    answer()
    print(f"{1e3 * (time.perf_counter() - begin):.3f} -", flush=True)
