"""The few layers that the digits network is made of, forward and backward.

Plain numpy, NCHW. A layer keeps in `parameters` what an optimiser moves, and
after backward() the derivatives in `gradients`, under the same names.
"""

import numpy as np


class Conv:
    """3x3 or 1x1, stride 1, same size, no bias (a BatchNorm follows)."""

    def __init__(self, rng, channels_in, channels_out, size):
        fan_in = channels_in * size * size
        weight = rng.standard_normal((channels_out, channels_in, size, size))
        self.parameters = {"weight": weight * np.sqrt(2 / fan_in)}
        self.gradients = {}
        self.size = size

    def _columns(self, x):
        """[N, C, H, W] -> [N, H, W, C * size * size]"""
        pad = self.size // 2
        padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        view = np.lib.stride_tricks.sliding_window_view(
            padded, (self.size, self.size), axis=(2, 3)
        )
        n, _, h, w = x.shape
        return view.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, -1)

    def forward(self, x, training):
        self.columns = self._columns(x)
        weight = self.parameters["weight"]
        out = self.columns @ weight.reshape(len(weight), -1).T
        return out.transpose(0, 3, 1, 2)

    def backward(self, d):
        weight = self.parameters["weight"]
        flat = d.transpose(0, 2, 3, 1).reshape(-1, len(weight))
        columns = self.columns.reshape(len(flat), -1)
        self.gradients["weight"] = (flat.T @ columns).reshape(weight.shape)
        turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        out = self._columns(d) @ turned.reshape(len(turned), -1).T
        return out.transpose(0, 3, 1, 2)


class BatchNorm:
    epsilon = 1e-5
    momentum = 0.9

    def __init__(self, channels):
        self.parameters = {
            "scale": np.ones(channels),
            "bias": np.zeros(channels),
        }
        self.gradients = {}
        self.mean, self.variance = np.zeros(channels), np.ones(channels)

    def forward(self, x, training):
        mean, variance = self.mean, self.variance
        if training:
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
            keep = self.momentum
            self.mean = keep * self.mean + (1 - keep) * mean
            self.variance = keep * self.variance + (1 - keep) * variance
        self.deviation = np.sqrt(variance + self.epsilon)[:, None, None]
        self.normal = (x - mean[:, None, None]) / self.deviation
        scale, bias = self.parameters["scale"], self.parameters["bias"]
        return scale[:, None, None] * self.normal + bias[:, None, None]

    def backward(self, d):
        axes = (0, 2, 3)
        self.gradients["bias"] = d.sum(axes)
        self.gradients["scale"] = (d * self.normal).sum(axes)
        d = d * self.parameters["scale"][:, None, None]
        along = (d * self.normal).mean(axes, keepdims=True) * self.normal
        return (d - d.mean(axes, keepdims=True) - along) / self.deviation


class Gemm:
    def __init__(self, rng, inputs, outputs):
        weight = rng.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs)
        self.parameters = {"weight": weight, "bias": np.zeros(outputs)}
        self.gradients = {}

    def forward(self, x, training):
        self.x = x
        return x @ self.parameters["weight"].T + self.parameters["bias"]

    def backward(self, d):
        self.gradients["weight"] = d.T @ self.x
        self.gradients["bias"] = d.sum(0)
        return d @ self.parameters["weight"]


class Plain:
    """A layer with nothing to learn."""

    parameters = gradients = {}


class Relu(Plain):
    def forward(self, x, training):
        self.positive = x > 0
        return x * self.positive

    def backward(self, d):
        return d * self.positive


class MaxPool(Plain):
    """2x2, stride 2."""

    def forward(self, x, training):
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
        out = blocks.max((3, 5), keepdims=True)
        self.chosen = blocks == out
        self.chosen = self.chosen / self.chosen.sum((3, 5), keepdims=True)
        return out[:, :, :, 0, :, 0]

    def backward(self, d):
        n, c, h, w = d.shape
        out = self.chosen * d[:, :, :, None, :, None]
        return out.reshape(n, c, 2 * h, 2 * w)


class Flatten(Plain):
    def forward(self, x, training):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, d):
        return d.reshape(self.shape)


class Dropout(Plain):
    """Only while training; the trained network does not have it."""

    def __init__(self, rng, share):
        self.rng, self.share = rng, share

    def forward(self, x, training):
        if not training:
            return x
        kept = self.rng.random(x.shape) >= self.share
        self.scale = kept / (1 - self.share)
        return x * self.scale

    def backward(self, d):
        return d * self.scale


class Residual(Plain):
    """x + body(x)"""

    def __init__(self, body):
        self.body = body

    def forward(self, x, training):
        out = x
        for layer in self.body:
            out = layer.forward(out, training)
        return x + out

    def backward(self, d):
        out = d
        for layer in reversed(self.body):
            out = layer.backward(out)
        return d + out
