"""Classification of pictures: torchvision's and timm's architectures."""

import timm
import torch
import torchvision

import export


def of_torchvision(name, pixels=96, **options):
    def build():
        made = getattr(torchvision.models, name)(weights=None, **options)
        return made, (torch.rand(1, 3, pixels, pixels),)

    return build


def of_timm(name):
    def build():
        made = timm.create_model(name, pretrained=False, exportable=True)
        return made, (torch.rand(1, *made.default_cfg["input_size"]),)

    return build


for name, variants in {
    "alexnet": (),
    "convnext_tiny": (),
    "densenet121": (8,),
    "efficientnet_b0": (11, "qdq"),
    "efficientnet_v2_s": (),
    "mnasnet0_5": (9, "half"),
    "mobilenet_v2": (7, 10, "half", "half_weights", "functions", "qdq",
                     "operators"),
    "mobilenet_v3_small": (12, "optimised", "qdq"),
    "regnet_x_400mf": (),
    "regnet_y_400mf": (13,),
    "resnet18": (7, "half", "optimised", "functions", "qdq", "operators",
                 "dynamic"),
    "resnext50_32x4d": (),
    "shufflenet_v2_x0_5": (9, "half"),
    "squeezenet1_0": (10,),
    "squeezenet1_1": ("qdq", "functions"),
    "vgg11_bn": (),
    "wide_resnet50_2": (),
}.items():
    # Where the last pooling divides what comes to it: others it cannot export.
    pixels = {"alexnet": 224, "vgg11_bn": 224, "squeezenet1_0": 127,
              "squeezenet1_1": 127}.get(name, 96)
    export.add(name, "torchvision", of_torchvision(name, pixels),
               variants=variants)
export.add("swin_t", "torchvision", of_torchvision("swin_t", 224))
export.add("maxvit_t", "torchvision", of_torchvision("maxvit_t", 224))
export.add("googlenet", "torchvision",
           of_torchvision("googlenet", init_weights=False))
export.add("inception_v3", "torchvision",
           of_torchvision("inception_v3", 139, init_weights=False))

for name in (
    "beit_base_patch16_224", "botnet26t_256", "cait_xxs24_224", "coat_tiny",
    "convit_tiny", "crossvit_tiny_240", "cspresnet50",
    "deit_tiny_patch16_224", "dla34", "dpn68", "edgenext_xx_small",
    "efficientformer_l1", "fbnetc_100", "gcresnet33ts",
    "ghostnet_100", "gmlp_s16_224", "hardcorenas_a", "hrnet_w18_small",
    "lcnet_050", "levit_128s", "mixer_s32_224", "mobilevit_xxs",
    "nf_resnet26", "pit_ti_224", "poolformer_s12", "pvt_v2_b0",
    "repvgg_a2", "res2net50_14w_8s", "resmlp_12_224", "resnest14d",
    "rexnet_100", "selecsls42b", "sequencer2d_s", "skresnet18",
    "tf_efficientnet_lite0", "tnt_s_patch16_224", "twins_svt_small",
    "visformer_tiny", "vovnet39a", "xception41", "xcit_nano_12_p16_224",
):
    export.add(name, "timm", of_timm(name))
