"""Random pictures: noise, and smooth shapes as photographs have them."""

import numpy as np


def pictures(rng, count, shape):
    """FP32 [count, *shape] with shape = (channels, height, width). Even ones
    are noise, odd ones smooth; each has mean 0 and deviation 1."""
    made = [
        smooth(rng, shape) if i % 2 else rng.standard_normal(shape)
        for i in range(count)
    ]
    return np.stack([(a - a.mean()) / a.std() for a in made]).astype(np.float32)


def smooth(rng, shape):
    """A sum of ever finer and ever weaker random grids."""
    channels, height, width = shape
    total = np.zeros(shape)
    cells = 2
    while cells <= min(height, width):
        grid = rng.standard_normal((channels, cells, cells))
        rows, columns = _stretch(cells, height), _stretch(cells, width)
        total += (rows @ grid @ columns.T) / cells
        cells *= 2
    return total


def _stretch(cells, pixels):
    """The [pixels, cells] matrix that interpolates linearly."""
    at = np.linspace(0, cells - 1, pixels)
    distance = np.abs(at[:, None] - np.arange(cells))
    return np.maximum(0, 1 - distance)
