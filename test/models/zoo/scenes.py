"""Detection, segmentation, and pictures made of pictures."""

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import export
from export import network


def segmenter(name, **options):
    def build():
        made = getattr(torchvision.models.segmentation, name)(
            weights=None, weights_backbone=None, **options)

        class Masks(nn.Module):
            def __init__(self):
                super().__init__()
                self.made = made

            def forward(self, x):
                return self.made(x)["out"]

        return Masks(), (torch.rand(1, 3, 96, 128),)

    return build


for name in ("deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large",
             "fcn_resnet50", "deeplabv3_resnet50"):
    export.add(name, "segmentation", segmenter(name))


def detector(name, pixels):
    """A detector up to its boxes and scores."""

    def build():
        made = getattr(torchvision.models.detection, name)(
            weights=None, weights_backbone=None)

        class Heads(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone, self.head = made.backbone, made.head

            def forward(self, x):
                maps = self.backbone(x)
                maps = [maps] if isinstance(maps, torch.Tensor) else list(
                    maps.values())
                return tuple(self.head(maps).values())

        return Heads(), (torch.rand(1, 3, pixels, pixels),)

    return build


export.add("retinanet", "detection", detector("retinanet_resnet50_fpn", 128))
export.add("fcos", "detection", detector("fcos_resnet50_fpn", 128))
export.add("ssdlite", "detection",
           detector("ssdlite320_mobilenet_v3_large", 320))
export.add("ssd300", "detection", detector("ssd300_vgg16", 300))


@network("detection", refused="depends on data of each request")
def ssdlite_with_suppression():
    made = torchvision.models.detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.made = made

        def forward(self, x):
            return tuple(self.made([x])[0].values())

    return Whole(), (torch.rand(3, 320, 320),)


@network("detection", variants=(12, "qdq"))
def yolov5_head():
    anchors = torch.tensor([[10.0, 13, 16, 30, 33, 23],
                            [30, 61, 62, 45, 59, 119],
                            [116, 90, 156, 198, 373, 326]])

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.ModuleList(
                [nn.Conv2d(3, 16, 3, 8, 1), nn.Conv2d(16, 16, 3, 2, 1),
                 nn.Conv2d(16, 16, 3, 2, 1)])
            self.out = nn.ModuleList(
                [nn.Conv2d(16, 3 * 15, 1) for _ in range(3)])
            self.anchors = anchors.view(3, 1, 3, 1, 1, 2)

        def forward(self, x):
            found = []
            for i, (down, out) in enumerate(zip(self.down, self.out)):
                x = F.silu(down(x))
                y = out(x)
                n, _, h, w = y.shape
                y = y.view(n, 3, 15, h, w).permute(0, 1, 3, 4, 2).sigmoid()
                rows, columns = torch.meshgrid(
                    torch.arange(h), torch.arange(w), indexing="ij")
                grid = torch.stack((columns, rows), 2).view(1, 1, h, w, 2)
                centre = (y[..., 0:2] * 2 - 0.5 + grid) * (8 * 2**i)
                size = (y[..., 2:4] * 2) ** 2 * self.anchors[i]
                found.append(torch.cat((centre, size, y[..., 4:]), -1).view(
                    n, -1, 15))
            return torch.cat(found, 1)

    return Head(), (torch.rand(1, 3, 128, 128),)


@network("detection")
def yolov8_head():
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 64 + 5, 3, 8, 1)
            self.bins = nn.Conv2d(16, 1, 1, bias=False)
            self.bins.weight.data[:] = torch.arange(16.0).view(1, 16, 1, 1)

        def forward(self, x):
            y = self.conv(x)
            n, _, h, w = y.shape
            box, classes = y.view(n, 69, -1).split((64, 5), 1)
            cells = box.shape[2]
            box = box.view(n, 4, 16, cells).transpose(2, 1).softmax(1)
            low, high = self.bins(box).view(n, 4, cells).chunk(2, 1)
            rows, columns = torch.meshgrid(
                torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
            at = torch.stack((columns, rows), -1).view(-1, 2).t()[None]
            first, last = at - low, at + high
            box = torch.cat(((first + last) / 2, last - first), 1) * 8
            return torch.cat((box, classes.sigmoid()), 1)

    return Head(), (torch.rand(1, 3, 64, 96),)


@network("detection")
def yolov10_head():
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 9, 3, 8, 1)

        def forward(self, x):
            y = self.conv(x).flatten(2).transpose(1, 2)
            boxes, scores = y.split((4, 5), -1)
            scores = scores.sigmoid()
            _, best = torch.topk(scores.amax(-1), 20, dim=-1)
            best = best.unsqueeze(-1)
            boxes = torch.gather(boxes, 1, best.repeat(1, 1, 4))
            scores = torch.gather(scores, 1, best.repeat(1, 1, 5))
            top, at = torch.topk(scores.flatten(1), 20, dim=-1)
            labels, at = at % 5, at // 5
            boxes = boxes.gather(1, at.unsqueeze(-1).repeat(1, 1, 4))
            return torch.cat([boxes, top.unsqueeze(-1),
                              labels.unsqueeze(-1).to(boxes.dtype)], -1)

    return Head(), (torch.rand(1, 3, 64, 96),)


@network("detection")
def centernet_head():
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 16, 3, 2, 1)
            self.heat, self.size = nn.Conv2d(16, 8, 1), nn.Conv2d(16, 2, 1)

        def forward(self, x):
            x = F.relu(self.conv(x))
            heat = self.heat(x).sigmoid()
            heat = heat * (F.max_pool2d(heat, 3, 1, 1) == heat).float()
            n, _, h, w = heat.shape
            scores, at = torch.topk(heat.view(n, -1), 50)
            place = at % (h * w)
            size = self.size(x).view(n, 2, -1).permute(0, 2, 1)
            size = size.gather(1, place.unsqueeze(2).expand(n, 50, 2)) / 2
            centre = torch.stack([(place % w).float(), (place // w).float()],
                                 -1)
            return scores, torch.cat([centre - size, centre + size], -1)

    return Head(), (torch.rand(1, 3, 64, 64),)


@network("picture to picture")
def style_transfer():
    def conv(inputs, outputs, kernel, stride, norm=True):
        return nn.Sequential(
            nn.ReflectionPad2d(kernel // 2),
            nn.Conv2d(inputs, outputs, kernel, stride),
            nn.InstanceNorm2d(outputs, affine=True) if norm
            else nn.Identity())

    class Style(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Sequential(conv(3, 16, 9, 1), nn.ReLU(),
                                      conv(16, 32, 3, 2), nn.ReLU())
            self.middle = conv(32, 32, 3, 1)
            self.up, self.out = conv(32, 16, 3, 1), conv(16, 3, 9, 1, False)

        def forward(self, x):
            x = self.down(x)
            x = F.interpolate(x + self.middle(x), scale_factor=2)
            return self.out(F.relu(self.up(x)))

    return Style(), (torch.rand(1, 3, 64, 48),)


@network("picture to picture", variants=(11, "half", "qdq"))
def edsr():
    def block():
        return nn.Sequential(nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU(),
                             nn.Conv2d(32, 32, 3, 1, 1))

    class Edsr(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Conv2d(3, 32, 3, 1, 1)
            self.body = nn.ModuleList([block() for _ in range(3)])
            self.up = nn.Sequential(nn.Conv2d(32, 128, 3, 1, 1),
                                    nn.PixelShuffle(2),
                                    nn.Conv2d(32, 3, 3, 1, 1))

        def forward(self, x):
            x = y = self.head(x)
            for each in self.body:
                y = y + each(y) * 0.1
            return self.up(x + y)

    return Edsr(), (torch.rand(1, 3, 40, 30),)


@network("picture to picture", variants=("half_weights",))
def unet():
    class Unet(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.down = (nn.Conv2d(3, 16, 3, 1, 1),
                                     nn.Conv2d(16, 32, 3, 2, 1))
            self.norm = nn.GroupNorm(8, 32)
            self.up = nn.ConvTranspose2d(32, 16, 2, 2)
            self.out = nn.Conv2d(48, 2, 1)

        def forward(self, x):
            a = F.elu(self.first(x))
            b = F.silu(self.norm(self.down(a)))
            c = F.interpolate(self.up(b), size=a.shape[2:], mode="bilinear",
                              align_corners=False)
            d = F.interpolate(b, size=a.shape[2:], mode="bicubic",
                              align_corners=True)[:, :16]
            return self.out(torch.cat([a, c, d], 1))

    return Unet(), (torch.rand(1, 3, 33, 47),)


@network("picture to picture")
def warp():
    class Warp(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, 1, 1)
            self.flow = nn.Conv2d(3, 2, 3, 1, 1)

        def forward(self, x):
            at = torch.tanh(self.flow(x)).permute(0, 2, 3, 1) * 1.2
            return F.grid_sample(self.conv(x), at, align_corners=False)

    return Warp(), (torch.rand(1, 3, 20, 24),)


@network("picture to picture")
def gan_generator():
    layers, widths = [], (64, 128, 64, 32, 3)
    for i in range(4):
        layers.append(nn.ConvTranspose2d(
            widths[i], widths[i + 1], 4, 1 if i == 0 else 2,
            0 if i == 0 else 1, bias=False))
        if i < 3:
            layers += [nn.BatchNorm2d(widths[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers, nn.Tanh()), (torch.randn(1, 64, 1, 1),)


@network("picture to picture")
def modulated_generator():
    """Each picture of a batch has kernels of its own, computed from noise."""

    class Layer(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.kernel = nn.Parameter(0.1 * torch.randn(outputs, inputs, 3, 3))
            self.style = nn.Linear(16, inputs)

        def forward(self, x, noise):
            style = 1 + self.style(noise)
            kernel = self.kernel[None] * style[:, None, :, None, None]
            size = kernel.square().sum((2, 3, 4), keepdim=True)
            kernel = kernel * torch.rsqrt(size + 1e-8)
            pictures, channels, height, width = x.shape
            y = F.conv2d(x.reshape(1, pictures * channels, height, width),
                         kernel.reshape(-1, channels, 3, 3), padding=1,
                         groups=pictures)
            return F.leaky_relu(y.reshape(pictures, -1, height, width), 0.2)

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.start = nn.Parameter(torch.randn(1, 8, 8, 8))
            self.first, self.second = Layer(8, 12), Layer(12, 8)
            self.out = nn.Conv2d(8, 3, 1)

        def forward(self, noise):
            x = self.start.expand(noise.shape[0], -1, -1, -1)
            x = F.interpolate(self.first(x, noise), scale_factor=2.0)
            return torch.tanh(self.out(self.second(x, noise)))

    return Generator(), (torch.randn(2, 16),)


@network("transformers")
def mixture_of_experts():
    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Linear(16, 4)
            self.up = nn.Parameter(0.2 * torch.randn(4, 16, 32))
            self.down = nn.Parameter(0.2 * torch.randn(4, 32, 16))

        def forward(self, x):
            shares, chosen = torch.topk(self.gate(x).softmax(-1), 2, dim=-1)
            shares = shares / shares.sum(-1, keepdim=True)
            y = torch.einsum("td,tkdh->tkh", x, self.up[chosen])
            y = torch.einsum("tkh,tkhd->tkd", F.silu(y), self.down[chosen])
            return (y * shares.unsqueeze(-1)).sum(1)

    return Experts(), (torch.randn(6, 16),)
