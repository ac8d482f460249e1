"""Another engine's side of peers.py: one inference for each line that comes in,
and a line with its milliseconds for each that goes out.

  peer.py ENGINE THREADS MODEL.onnx     ENGINE: onnxruntime, openvino or ncnn
"""
import os
import sys
import time

ENGINE, THREADS, MODEL = sys.argv[1], int(sys.argv[2]), sys.argv[3]
# As layerd's compute threads wait: without burning what the next one needs.
os.environ["OMP_NUM_THREADS"] = str(THREADS)
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["GOMP_SPINCOUNT"] = "2000"

import numpy as np  # noqa: E402  The environment comes first.


def bound(shape):
    return [d if isinstance(d, int) and d > 0 else 1 for d in shape]


def numbers(shape, is_float):
    if not is_float:
        return np.zeros(shape, np.int64)
    count = int(np.prod(shape))
    flat = (np.arange(count) * 37 % 101).astype(np.float32) * 0.02 - 1.0
    return flat.astype(np.float32).reshape(shape)


def onnxruntime():
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    session = ort.InferenceSession(MODEL, options, ["CPUExecutionProvider"])
    feeds = {
        i.name: numbers(bound(i.shape), "float" in i.type)
        for i in session.get_inputs()
    }
    return lambda: session.run(None, feeds)


def openvino():
    import openvino as ov
    core = ov.Core()
    model = core.read_model(MODEL)
    model.reshape({
        i: [d.get_length() if d.is_static else 1 for d in i.partial_shape]
        for i in model.inputs
    })
    compiled = core.compile_model(
        model, "CPU", {
            "INFERENCE_NUM_THREADS": THREADS,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        })
    request = compiled.create_infer_request()
    feeds = [
        numbers(list(i.shape), i.element_type == ov.Type.f32)
        for i in compiled.inputs
    ]
    return lambda: request.infer(feeds)


def ncnn():
    import ncnn as engine
    net = engine.Net()
    net.opt.num_threads = THREADS
    for option in ("use_fp16_packed", "use_fp16_storage",
                   "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    net.load_param(MODEL + ".ncnn.param")
    net.load_model(MODEL + ".ncnn.bin")
    feed = engine.Mat(numbers((3, 224, 224), True))

    def run():
        with net.create_extractor() as extractor:
            extractor.input(net.input_names()[0], feed)
            return np.array(extractor.extract(net.output_names()[0])[1])

    return run


def main():
    run = {"onnxruntime": onnxruntime, "openvino": openvino, "ncnn": ncnn}
    run = run[ENGINE]()
    for _ in sys.stdin:
        begin = time.perf_counter()
        run()
        print(f"{(time.perf_counter() - begin) * 1e3:.4f}", flush=True)


main()
