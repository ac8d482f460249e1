"""Trains the digits network and writes what is committed beside this file.

  python=$(test/tools/venv.sh train)
  $python test/models/digits/train.py [--out FOLDER]

Plain numpy (layers.py), half a minute on two cores, no GPU. All seeds are
fixed; another processor adds in another order, so the last bits of the
weights, and with them perhaps a digit or two, may differ from the committed
ones.

Split: of the 1797 pictures that scikit-learn ships, 500 are held out, drawn
with a fixed seed, and seen once, at the end. The committed test digits are the
first ten of each class among those 500, whether the network knows them or not.
"""

import argparse
import os
import sys

import numpy as np
from sklearn.datasets import load_digits

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
sys.dont_write_bytecode = True

import export
import layers as nn
import oracle

SPLIT_SEED = 1998
TRAINING_SEED = 4
HELD_OUT = 500
EPOCHS = 60
BATCH = 32
RATE_MAX = 3e-3
WEIGHT_DECAY = 1e-2


def load():
    """(images, labels) to train with and (images, labels) held out."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    labels = digits.target.astype(np.int64)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    held, kept = order[:HELD_OUT], order[HELD_OUT:]
    return (images[kept], labels[kept]), (images[held], labels[held])


def network(rng):
    """As one list. The widths keep each extent that layerd makes of it small:
    20 KiB, so that a quarter of all weights holds several of them."""
    return [
        nn.Conv(rng, 1, 16, 3), nn.BatchNorm(16), nn.Relu(),
        nn.Residual([
            nn.Conv(rng, 16, 16, 3), nn.BatchNorm(16), nn.Relu(),
            nn.Conv(rng, 16, 16, 3), nn.BatchNorm(16),
        ]), nn.Relu(), nn.MaxPool(),
        nn.Residual([
            nn.Conv(rng, 16, 32, 3), nn.BatchNorm(32), nn.Relu(),
            nn.Conv(rng, 32, 16, 1), nn.BatchNorm(16),
        ]), nn.Relu(), nn.Flatten(),
        nn.Dropout(rng, 0.3), nn.Gemm(rng, 256, 256), nn.Relu(),
        nn.Dropout(rng, 0.3), nn.Gemm(rng, 256, 128), nn.Relu(),
        nn.Gemm(rng, 128, 10),
    ]  # fmt: skip


def learners(layers):
    """All layers with parameters, those inside a residual too."""
    for layer in layers:
        if isinstance(layer, nn.Residual):
            yield from learners(layer.body)
        elif layer.parameters:
            yield layer


def forward(layers, x, training=False):
    for layer in layers:
        x = layer.forward(x, training)
    return x


def loss_and_derivative(logits, labels):
    """Cross entropy, its mean over the batch."""
    shifted = logits - logits.max(1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(labels))
    loss = (log_sum[:, 0] - shifted[rows, labels]).mean()
    d = np.exp(shifted - log_sum)
    d[rows, labels] -= 1
    return loss, d / len(labels)


class AdamW:
    def __init__(self, layers):
        self.slots = [
            (layer, name, np.zeros_like(value), np.zeros_like(value))
            for layer in learners(layers)
            for name, value in layer.parameters.items()
        ]
        self.step_count = 0

    def step(self, rate):
        self.step_count += 1
        first_bias = 1 - 0.9**self.step_count
        second_bias = 1 - 0.999**self.step_count
        for layer, name, first, second in self.slots:
            gradient = layer.gradients[name]
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            value = layer.parameters[name]
            if name == "weight":
                value *= 1 - rate * WEIGHT_DECAY
            move = (first / first_bias) / (np.sqrt(second / second_bias) + 1e-8)
            value -= rate * move


def shifted(rng, images):
    """Each picture moved by at most one pixel each way: the only variation."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.empty_like(images)
    for i, (dy, dx) in enumerate(rng.integers(0, 3, (len(images), 2))):
        out[i] = padded[i, :, dy : dy + 8, dx : dx + 8]
    return out


def train(layers, images, labels, rng):
    optimiser = AdamW(layers)
    batches = len(images) // BATCH
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))
        total = 0.0
        for step in range(batches):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            x = shifted(rng, images[chosen])
            logits = forward(layers, x, training=True)
            loss, d = loss_and_derivative(logits, labels[chosen])
            for layer in reversed(layers):
                d = layer.backward(d)
            done = (epoch + step / batches) / EPOCHS
            optimiser.step(RATE_MAX * 0.5 * (1 + np.cos(np.pi * done)))
            total += loss
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / batches:.4f}", flush=True)


def accuracy(logits, labels):
    return (logits.argmax(1) == labels).mean()


def write_digits(folder, images, labels, model):
    """The test digits: ten of each class, and one of each as a sample."""
    of_class = [np.flatnonzero(labels == c)[:10] for c in range(10)]
    chosen = np.sort(np.concatenate(of_class))
    logits = oracle.answer(model, {"image": images[chosen]})["logits"]
    np.save(os.path.join(folder, "images.npy"), images[chosen])
    np.save(os.path.join(folder, "labels.npy"), labels[chosen])
    np.save(os.path.join(folder, "expected.npy"), logits)
    os.makedirs(os.path.join(folder, "samples"), exist_ok=True)
    for c in range(10):
        sample = images[of_class[c][:1]]
        np.save(os.path.join(folder, "samples", f"d{c}.npy"), sample)
    return accuracy(logits, labels[chosen])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", default=HERE)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)

    (images, labels), (test_images, test_labels) = load()
    rng = np.random.default_rng(TRAINING_SEED)
    layers = network(rng)
    train(layers, images, labels, rng)
    model = os.path.join(args.out, "digits.onnx")
    export.save(layers, model)

    logits = oracle.answer(model, {"image": test_images})["logits"]
    apart = np.abs(logits - forward(layers, test_images)).max()
    print(f"ONNX Runtime and numpy are apart by {apart:.1e}")
    share = accuracy(logits, test_labels)
    print(f"held out: {100 * share:.2f} % of {HELD_OUT}")
    share = write_digits(args.out, test_images, test_labels, model)
    print(f"committed test digits: {100 * share:.0f} of 100")
    print(f"digits.onnx: {os.path.getsize(model)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
