"""Is layerd as fast as PyTorch on this GPU?

  torch_peer.py --layerctl LAYERCTL [NAME...]   compares; default all
  torch_peer.py --check                         can it? exits 3 and says why not

Convolution nets in f16 at batch 1: PyTorch eager with channels_last and
cudnn.benchmark, layerd resident with --compute f16. Both take a picture of f32
in the host's memory and give back the answer there. A bound holds the ratio of
medians, in rounds that take turns. Prints a row for each net, and
"N passed, N failed".
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

NETS = ('resnet50', 'mobilenet_v2', 'vgg16', 'densenet201')
RATIO_MOST = 1.25
DISTANCE_MOST = 1e-2
ROUNDS = 3
RUNS = 100
WARM_UP = 20


def why_not():
    """What is missing here, or None."""
    try:
        import torch
        import torchvision  # noqa: F401
    except ImportError as error:
        return 'no PyTorch: %s' % error
    if not torch.cuda.is_available():
        return 'PyTorch %s sees no GPU' % torch.__version__
    return None


def verdict(name, ours_ms, theirs_ms, distance):
    """(row, right) of medians of rounds, and of how far the answers are."""
    ours, theirs = statistics.median(ours_ms), statistics.median(theirs_ms)
    ratio = ours / theirs
    right = ratio <= RATIO_MOST and distance <= DISTANCE_MOST
    row = ('| speed, f16, batch 1 | %s | layerd %.3f ms, PyTorch eager %.3f ms |'
           ' ratio %.2f, answers %.1e apart | %s |' %
           (name, ours, theirs, ratio, distance, 'right' if right else 'WRONG'))
    return row, right


def distance_of(ours, theirs):
    """The largest difference, by the largest number."""
    most = max(abs(value) for value in theirs)
    return max(abs(a - b) for a, b in zip(ours, theirs)) / most


def torch_ms(model, picture):
    import torch
    times = []
    with torch.inference_mode():
        for run in range(WARM_UP + RUNS):
            begun = time.perf_counter()
            x = picture.to('cuda', torch.float16,
                           memory_format=torch.channels_last)
            model(x).float().cpu()
            if run >= WARM_UP:
                times.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(times)


def layerd_ms(layerctl, onnx, picture, answer):
    said = subprocess.run(
        [layerctl, 'run', onnx, '--backend', 'cuda', '--compute', 'f16',
         '--input', picture, '--output', answer, '--repeat', str(RUNS),
         '--json'], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(said)['latency_ms']


def export(model, picture, path):
    import torch
    names = {'input_names': ['x'], 'output_names': ['y']}
    try:
        torch.onnx.export(model, picture, path, dynamo=False, **names)
    except TypeError:  # Before that was an argument.
        torch.onnx.export(model, picture, path, **names)


def compare(layerctl, name, folder):
    import numpy
    import torch
    import torchvision
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    model = getattr(torchvision.models, name)(weights=None).eval()
    picture = torch.rand(1, 3, 224, 224)
    onnx = os.path.join(folder, name + '.onnx')
    x, y = os.path.join(folder, 'x.npy'), os.path.join(folder, 'y.npy')
    export(model, picture, onnx)
    numpy.save(x, picture.numpy())
    with torch.inference_mode():
        right = model(picture).flatten().tolist()
    half = model.half().to('cuda', memory_format=torch.channels_last)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(layerd_ms(layerctl, onnx, x, 'y=' + y))
        theirs.append(torch_ms(half, picture))
    distance = distance_of(numpy.load(y).flatten().tolist(), right)
    return verdict(name, ours, theirs, distance)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--layerctl')
    parser.add_argument('names', nargs='*', default=NETS)
    options = parser.parse_args()
    reason = why_not()
    if reason:
        print(reason)
        return 3
    if options.check:
        return 0
    import torch
    print('versions: PyTorch %s, cuDNN %s' %
          (torch.__version__, torch.backends.cudnn.version()))
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names:
            row, right = compare(os.path.abspath(options.layerctl), name, folder)
            print(row, flush=True)
            passed += right
            failed += not right
    print('%d passed, %d failed' % (passed, failed))
    return 0 if failed == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
