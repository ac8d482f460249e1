"""Transformers: Hugging Face's architectures, small."""

import torch
import transformers
from torch import nn

import export

COMMON = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
              intermediate_size=128)
WORDS = dict(COMMON, vocab_size=1000)
WAVES = dict(COMMON, num_conv_pos_embeddings=16,
             num_conv_pos_embedding_groups=4)
WHISPER = dict(
    d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
    decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128,
    vocab_size=1000, max_source_positions=200, pad_token_id=0, bos_token_id=1,
    eos_token_id=2, decoder_start_token_id=1)


class First(nn.Module):
    """The first of a module's answers, asked by keyword."""

    def __init__(self, module, *names):
        super().__init__()
        self.module, self.names = module, names

    def forward(self, *inputs):
        return self.module(**dict(zip(self.names, inputs)))[0]


def tokens(count=16):
    return torch.randint(1, 999, (1, count))


def words(count=16):
    return lambda: (tokens(count),)


def words_and_mask():
    mask = torch.ones(1, 16, dtype=torch.long)
    mask[:, 11:] = 0
    return tokens(), mask


def picture(pixels):
    return lambda: (torch.rand(1, 3, pixels, pixels),)


def wave():
    return (torch.randn(1, 8000),)


def configured(config, **facts):
    made = getattr(transformers, config)(**facts)
    made.return_dict = False
    if hasattr(made, "use_cache"):
        made.use_cache = False
    return made


def model(kind, name, inputs, **facts):
    def build():
        made = getattr(transformers, kind + name)(
            configured(kind + "Config", **facts))
        return made, inputs()

    return build


def add(name, *what, variants=(), **facts):
    export.add(name, "transformers", model(*what, **facts), variants=variants)


add("bert", "Bert", "Model", words_and_mask, **WORDS,
    variants=(11, 17, "half_weights", "optimised", "qdq", "operators",
              "dynamic"))
add("bert_answers", "Bert", "ForQuestionAnswering", words(), **WORDS)
add("roberta", "Roberta", "ForSequenceClassification", words(), **WORDS,
    variants=(11,))
add("distilbert", "DistilBert", "ForTokenClassification", words_and_mask,
    dim=64, n_layers=2, n_heads=4, hidden_dim=128, vocab_size=1000,
    variants=("dynamic",))
add("albert", "Albert", "Model", words(), embedding_size=32, **WORDS)
add("electra", "Electra", "Model", words(), embedding_size=32, **WORDS)
add("mobilebert", "MobileBert", "Model", words(), vocab_size=1000,
    num_hidden_layers=2)
add("mpnet", "MPNet", "Model", words(), **WORDS)
add("deberta", "DebertaV2", "Model", words(), **WORDS)
add("xlnet", "XLNet", "Model", words(), d_model=64, n_layer=2, n_head=4,
    d_inner=128, vocab_size=1000)
add("squeezebert", "SqueezeBert", "Model", words(), embedding_size=64, **WORDS)
add("funnel", "Funnel", "Model", words(), d_model=64, n_head=4, d_head=16,
    d_inner=128, block_sizes=[1, 1], vocab_size=1000)
add("layoutlm", "LayoutLM", "Model", words(), **WORDS)
add("nystromformer", "Nystromformer", "Model", words(64), num_landmarks=8,
    segment_means_seq_len=64, max_position_embeddings=64, **WORDS)
add("gpt2", "GPT2", "LMHeadModel", words(), n_embd=64, n_layer=2, n_head=4,
    vocab_size=1000, n_positions=64, variants=(13, "half_weights", "dynamic"))
add("gpt_neo", "GPTNeo", "Model", words(), hidden_size=64, num_layers=2,
    num_heads=4, vocab_size=1000, attention_types=[[["global", "local"], 1]])
add("gpt_neox", "GPTNeoX", "Model", words(), **WORDS)
add("opt", "OPT", "Model", words_and_mask, ffn_dim=128, hidden_size=64,
    num_hidden_layers=2, num_attention_heads=4, vocab_size=1000,
    word_embed_proj_dim=64)
add("bloom", "Bloom", "ForCausalLM", words(), hidden_size=64, n_layer=2,
    n_head=4, vocab_size=1000)
add("llama", "Llama", "ForCausalLM", words(), **WORDS)
add("rwkv", "Rwkv", "Model", words(), hidden_size=64, num_hidden_layers=2,
    vocab_size=1000, attention_hidden_size=64)
add("t5_encoder", "T5", "EncoderModel", words_and_mask, d_model=64, d_kv=16,
    d_ff=128, num_layers=2, num_heads=4, vocab_size=1000)
add("t5", "T5", "Model", lambda: (tokens(9), torch.ones(1, 9).long(),
                                  tokens(5)),
    d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4, vocab_size=1000)
add("bart", "Bart", "Model", words(), d_model=64, encoder_layers=2,
    decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
    encoder_ffn_dim=128, decoder_ffn_dim=128, vocab_size=1000)
PAIR = lambda: (tokens(9), torch.ones(1, 9).long(), tokens(5))
BART = dict(d_model=64, encoder_layers=2, decoder_layers=2,
            encoder_attention_heads=4, decoder_attention_heads=4,
            encoder_ffn_dim=128, decoder_ffn_dim=128)
add("marian", "Marian", "Model", PAIR, pad_token_id=0, vocab_size=1000, **BART)
add("longformer", "Longformer", "Model", words(64), attention_window=16,
    **WORDS)
add("roformer", "RoFormer", "Model", words(), embedding_size=64, **WORDS)
add("convbert", "ConvBert", "Model", words(), embedding_size=32, **WORDS)
add("codegen", "CodeGen", "ForCausalLM", words(), n_embd=64, n_layer=2,
    n_head=4, rotary_dim=8, vocab_size=1000, n_positions=64, n_ctx=64)
add("vit", "ViT", "ForImageClassification", picture(64), image_size=64,
    num_labels=10, **COMMON, variants=(11, "half", "qdq"))
add("dino", "ViT", "Model", picture(64), image_size=64, patch_size=8, **COMMON)
add("convnext", "ConvNextV2", "Model", picture(64),
    hidden_sizes=[16, 32, 64, 128], depths=[1, 1, 2, 1])
add("segformer", "Segformer", "ForSemanticSegmentation", picture(64),
    hidden_sizes=[16, 32, 64, 128], depths=[1, 1, 1, 1],
    num_attention_heads=[1, 2, 4, 8], decoder_hidden_size=32)
add("glpn", "GLPN", "ForDepthEstimation", picture(64),
    hidden_sizes=[16, 32, 64, 128], depths=[1, 1, 1, 1],
    num_attention_heads=[1, 2, 4, 8], decoder_hidden_size=16)
add("dpt", "DPT", "ForDepthEstimation", picture(64), hidden_size=64,
    num_hidden_layers=4, num_attention_heads=4, intermediate_size=128,
    image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3],
    neck_hidden_sizes=[8, 16, 32, 32], fusion_hidden_size=16)
add("yolos", "Yolos", "ForObjectDetection", picture(64), image_size=[64, 64],
    num_detection_tokens=10, **COMMON)
DETR = dict(BART, num_queries=20, backbone="resnet18",
            use_pretrained_backbone=False)
SWIN = dict(image_size=64, patch_size=4, embed_dim=16, window_size=4)
add("detr", "Detr", "ForObjectDetection", picture(96), **DETR)
add("swinv2", "Swinv2", "ForImageClassification", picture(64), depths=[2, 2],
    num_heads=[2, 4], **SWIN)
add("swin2sr", "Swin2SR", "ForImageSuperResolution", picture(32),
    image_size=32, patch_size=1, embed_dim=32, depths=[2, 2], num_heads=[2, 2],
    window_size=8, upscale=2)
add("focalnet", "FocalNet", "Model", picture(64), image_size=64, embed_dim=16,
    depths=[1, 1, 1, 1])
add("clipseg", "CLIPSeg", "ForImageSegmentation",
    lambda: (tokens(12), torch.rand(1, 3, 64, 64)), projection_dim=32,
    text_config=dict(WORDS, projection_dim=32), reduce_dim=16,
    vision_config=dict(COMMON, num_hidden_layers=4, image_size=64,
                       patch_size=16), extract_layers=[1, 2, 3],
    decoder_num_attention_heads=2, decoder_intermediate_size=32)
add("wavlm", "WavLM", "Model", wave, conv_dim=(32,) * 7, num_buckets=32,
    **WAVES)
add("wav2vec2_conformer", "Wav2Vec2Conformer", "Model", wave,
    conv_dim=(32,) * 7, **WAVES)
add("speech_to_text", "Speech2Text", "Model",
    lambda: (torch.rand(1, 64, 20), torch.ones(1, 64).long(), tokens(5)),
    input_feat_per_channel=20, conv_channels=32, vocab_size=1000, **BART)
add("wav2vec2", "Wav2Vec2", "ForCTC", wave, conv_dim=(32,) * 7, **WAVES)
add("wav2vec2_norm", "Wav2Vec2", "ForCTC", wave, conv_dim=(32,) * 7, **WAVES,
    feat_extract_norm="layer", do_stable_layer_norm=True)
add("hubert", "Hubert", "Model", wave, conv_dim=(32,) * 7, **WAVES)
add("sew", "SEW", "Model", wave, conv_dim=(32,) * 13, **WAVES)
add("spectrogram_transformer", "AST", "ForAudioClassification",
    lambda: (torch.rand(1, 64, 128),), max_length=64, **COMMON)


def clip():
    made = transformers.CLIPModel(configured(
        "CLIPConfig", text_config=WORDS,
        vision_config=dict(COMMON, image_size=64, patch_size=16),
        projection_dim=32))
    return made, (tokens(12), torch.rand(1, 3, 64, 64),
                  torch.ones(1, 12).long())


def whisper_encoder():
    made = transformers.WhisperModel(configured("WhisperConfig", **WHISPER))
    return First(made.encoder, "input_features"), (torch.rand(1, 80, 400),)


def whisper_decoder():
    made = transformers.WhisperModel(configured("WhisperConfig", **WHISPER))
    return (First(made.decoder, "input_ids", "encoder_hidden_states"),
            (tokens(7), torch.rand(1, 200, 64)))


def with_past():
    """One word more, behind what was computed before."""
    config = configured("LlamaConfig", **WORDS)
    config.use_cache = True
    made = transformers.LlamaForCausalLM(config)

    class Next(nn.Module):
        def __init__(self):
            super().__init__()
            self.made = made

        def forward(self, word, *past):
            pairs = tuple(zip(past[::2], past[1::2]))
            logits, present = self.made(word, past_key_values=pairs)[:2]
            return (logits, *[each for pair in present for each in pair])

    return Next(), (tokens(1), *[torch.rand(1, 4, 7, 16) for _ in range(4)])


def masked_pooling():
    """What makes one vector of a sentence's words."""

    class Pool(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(50, 16)

        def forward(self, x):
            there = x != 0
            y = self.table(x).masked_fill(~there.unsqueeze(-1), 0)
            y = y.sum(1) / there.sum(1, keepdim=True).clamp(min=1)
            return nn.functional.normalize(y), nn.functional.one_hot(
                x, 50).float().sum(1)

    return Pool(), (torch.tensor([[3, 4, 9, 0, 0]]),)


for build in (clip, whisper_encoder, whisper_decoder, with_past,
              masked_pooling):
    export.add(build.__name__, "transformers", build)
