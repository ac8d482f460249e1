"""Writes the part tables of the simulator: bytes and work of each part.

    python3 test/sim/tables/make.py          # rewrites the CSV files beside it

The networks are the published architectures, batch 1, f32, BatchNorm folded,
activations and additions fused; cut as the packer does for a CPU
(daemon/pack/cut.h) with extents of 256 KiB: over output channels in blocks of
32 (16 in fully connected layers) until extent and work are in bounds, then over
rows where one block is still too much work. A row is a part, in execution
order:

    bytes,flops      bytes: of the extent that begins with this part, "=" if it
                     computes with that of the part before, "-" if with none
"""

import math
import os

EXTENT_BYTES = 256 << 10
PART_FLOPS = 200_000_000
PAGE = 4096


def pages(size):
    return -(-size // PAGE) * PAGE


class Network:
    def __init__(self):
        self.parts = []

    def weightless(self, work):
        self.parts.append(("-", int(work)))

    def layer(self, outputs, weights_each, flops_each, rows, block):
        """`outputs` channels of so many weights and flops each; `rows` may be
        computed apart."""
        blocks = -(-outputs // block)
        most = max(1, min(EXTENT_BYTES // (weights_each * block * 4) or 1,
                          PART_FLOPS // max(1, flops_each * block) or 1))
        pieces = -(-blocks // most)
        per_piece = -(-blocks // pieces)
        done = 0
        while done < outputs:
            channels = min(per_piece * block, outputs - done)
            done += channels
            size = pages(channels * (weights_each + 1) * 4)
            work = channels * flops_each
            slices = min(rows, max(1, -(-work // PART_FLOPS)))
            for piece in range(slices):
                self.parts.append((size if piece == 0 else "=", work // slices))

    def conv(self, inputs, outputs, kernel, side, groups=1, kernel_w=None):
        each = inputs // groups * kernel * (kernel_w or kernel)
        self.layer(outputs, each, 2 * each * side * side, side, 32)

    def dense(self, inputs, outputs, rows=1):
        self.layer(outputs, inputs, 2 * inputs * rows, rows, 16)

    def pool(self, channels, side, kernel):
        self.weightless(channels * side * side * kernel * kernel)


def alexnet():
    n = Network()
    n.conv(3, 64, 11, 55)
    n.pool(64, 27, 3)
    n.conv(64, 192, 5, 27)
    n.pool(192, 13, 3)
    n.conv(192, 384, 3, 13)
    n.conv(384, 256, 3, 13)
    n.conv(256, 256, 3, 13)
    n.pool(256, 6, 3)
    n.dense(9216, 4096)
    n.dense(4096, 4096)
    n.dense(4096, 1000)
    return n


def vgg16():
    n = Network()
    inputs, side = 3, 224
    for outputs, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            n.conv(inputs, outputs, 3, side)
            inputs = outputs
        side //= 2
        n.pool(outputs, side, 2)
    n.dense(25088, 4096)
    n.dense(4096, 4096)
    n.dense(4096, 1000)
    return n


def resnet(counts, picture=224):
    n = Network()
    side = picture // 2
    n.conv(3, 64, 7, side)
    side //= 2
    n.pool(64, side, 3)
    inputs = 64
    for stage, count in enumerate(counts):
        width = 64 << stage
        for block in range(count):
            if block == 0 and stage > 0:
                n.conv(inputs, width, 1, side)
                side //= 2
            else:
                n.conv(inputs, width, 1, side)
            n.conv(width, width, 3, side)
            n.conv(width, 4 * width, 1, side)
            if block == 0:
                n.conv(inputs, 4 * width, 1, side)
            inputs = 4 * width
    n.pool(inputs, 1, side)
    n.dense(inputs, 1000)
    return n


def densenet201(picture=224):
    n = Network()
    n.conv(3, 64, 7, picture // 2)
    n.pool(64, picture // 4, 3)
    channels, side = 64, picture // 4
    for stage, count in enumerate((6, 12, 48, 32)):
        for _ in range(count):
            n.weightless(2 * channels * side * side)
            n.conv(channels, 128, 1, side)
            n.conv(128, 32, 3, side)
            channels += 32
        if stage < 3:
            n.weightless(2 * channels * side * side)
            n.conv(channels, channels // 2, 1, side)
            channels //= 2
            side //= 2
            n.pool(channels, side, 2)
    n.pool(channels, 1, side)
    n.dense(channels, 1000)
    return n


def mobilenet_v2():
    n = Network()
    n.conv(3, 32, 3, 112)
    inputs, side = 32, 112
    for expand, outputs, count, stride in (
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
            (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for block in range(count):
            hidden = inputs * expand
            if expand > 1:
                n.conv(inputs, hidden, 1, side)
            if block == 0:
                side //= stride
            n.conv(hidden, hidden, 3, side, groups=hidden)
            n.conv(hidden, outputs, 1, side)
            inputs = outputs
    n.conv(inputs, 1280, 1, side)
    n.pool(1280, 1, side)
    n.dense(1280, 1000)
    return n


def encoder(n, tokens, width, layers):
    for _ in range(layers):
        n.weightless(8 * tokens * width)
        n.dense(width, 3 * width, tokens)
        n.weightless(4 * tokens * tokens * width)
        n.dense(width, width, tokens)
        n.weightless(8 * tokens * width)
        n.dense(width, 4 * width, tokens)
        n.dense(4 * width, width, tokens)
    n.weightless(8 * tokens * width)


def vit_b_16():
    n = Network()
    n.conv(3, 768, 16, 14)
    encoder(n, 197, 768, 12)
    n.dense(768, 1000)
    return n


def bert_base():
    n = Network()
    encoder(n, 128, 768, 12)
    n.dense(768, 768)
    return n


NETWORKS = {
    "alexnet": alexnet(),
    "vgg16": vgg16(),
    "resnet50": resnet((3, 4, 6, 3)),
    "resnet152": resnet((3, 8, 36, 3)),
    "resnet152_608": resnet((3, 8, 36, 3), 608),
    "densenet201": densenet201(),
    "densenet201_608": densenet201(608),
    "mobilenet_v2": mobilenet_v2(),
    "vit_b_16": vit_b_16(),
    "bert_base": bert_base(),
}


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    for name, network in NETWORKS.items():
        with open(os.path.join(folder, name + ".csv"), "w") as file:
            file.write("bytes,flops\n")
            for size, work in network.parts:
                file.write(f"{size},{work}\n")
        sizes = [s for s, _ in network.parts if not isinstance(s, str)]
        print(f"{name:14} {len(network.parts):5} parts {len(sizes):5} reads "
              f"{sum(sizes) / 2**20:7.1f} MiB, largest {max(sizes) >> 10:5} KiB "
              f"{sum(w for _, w in network.parts) / 1e9:6.2f} GFLOP, longest "
              f"{max(w for _, w in network.parts) / 1e9:.3f}")


if __name__ == "__main__":
    main()
