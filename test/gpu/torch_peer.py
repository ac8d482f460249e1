"""Is layerd as fast as PyTorch on this GPU?

  torch_peer.py --layerctl LAYERCTL [NAME...]   compares; default all
  torch_peer.py --check                         can it? exits 3 and says why not

Convolution nets in f16 at batch 1: PyTorch eager with channels_last and
cudnn.benchmark, layerd resident with --compute f16. Both take a picture of f32
in the host's memory and give back the answer there. A bound holds the ratio of
medians, in rounds that take turns, another one how far the answer is from that
of f32: 1e-2, or twice as far as PyTorch's, for nets of random numbers multiply
errors. Prints a row for each net, and "N passed, N failed".

With --device cpu it is rehearsed: PyTorch computes on the CPU, in f32 rounded to
f16 after each layer, and no bound holds the ratio. Layerd's device may then be a
twin (LAYERD_CUDA_LIBRARY).
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


def why_not(device):
    """What is missing here, or None."""
    try:
        import torch
        import torchvision  # noqa: F401
    except ImportError as error:
        return 'no PyTorch: %s' % error
    if device == 'cuda' and not torch.cuda.is_available():
        return 'PyTorch %s sees no GPU' % torch.__version__
    return None


def verdict(name, ours_ms, theirs_ms, our_distance, their_distance,
            ratio_most=RATIO_MOST):
    """(row, right) of medians of rounds, and of how far from f32 answers are."""
    ours, theirs = statistics.median(ours_ms), statistics.median(theirs_ms)
    ratio = ours / theirs
    distance_most = max(DISTANCE_MOST, 2 * their_distance)
    right = ratio <= ratio_most and our_distance <= distance_most
    row = ('| speed, f16, batch 1 | %s | layerd %.3f ms, PyTorch eager %.3f ms |'
           ' ratio %.2f, %.1e and %.1e from f32 | %s |' %
           (name, ours, theirs, ratio, our_distance, their_distance,
            'right' if right else 'WRONG'))
    return row, right


def distance_of(ours, theirs):
    """The largest difference, by the largest number."""
    most = max(abs(value) for value in theirs)
    return max(abs(a - b) for a, b in zip(ours, theirs)) / most


def rounded(model):
    """Computes as in f16, but for the sums, where there is no f16."""
    for numbers in list(model.parameters()) + list(model.buffers()):
        if numbers.is_floating_point():
            numbers.data = numbers.data.half().float()
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _, x, y: y.half().float())
    return model


def torch_ms(model, picture, device, dtype, runs):
    """Median milliseconds, and the answer."""
    import torch
    times = []
    with torch.inference_mode():
        for run in range(runs // 5 + runs):
            begun = time.perf_counter()
            x = picture.to(device, dtype, memory_format=torch.channels_last)
            answer = model(x).float().cpu()
            if run >= runs // 5:
                times.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(times), answer.flatten().tolist()


def environment_of(layerctl):
    """With the libraries that came along with it, if any did."""
    lib = os.path.join(os.path.dirname(layerctl), 'lib')
    if not os.path.isdir(lib):
        return None
    path = [lib, os.environ.get('LD_LIBRARY_PATH')]
    return dict(os.environ, LD_LIBRARY_PATH=':'.join(filter(None, path)))


def layerd_ms(layerctl, onnx, picture, answer, runs):
    said = subprocess.run(
        [layerctl, 'run', onnx, '--backend', 'cuda', '--compute', 'f16',
         '--input', picture, '--output', answer, '--repeat', str(runs),
         '--json'], env=environment_of(layerctl), check=True,
        stdout=subprocess.PIPE).stdout
    return json.loads(said)['latency_ms']


def export(model, picture, path):
    import torch
    names = {'input_names': ['x'], 'output_names': ['y']}
    try:
        torch.onnx.export(model, picture, path, dynamo=False, **names)
    except TypeError:  # Before that was an argument.
        torch.onnx.export(model, picture, path, **names)


def made_of_seed(name, size):
    """A net whose activations neither vanish nor grow, as in trained ones."""
    import torch
    import torchvision
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # Take the mean of what is seen.
    with torch.no_grad():
        for _ in range(2):
            model.train()(torch.rand(8, 3, size, size))
    return model.eval()


def compare(name, folder, options):
    import numpy
    import torch
    torch.backends.cudnn.benchmark = True
    model = made_of_seed(name, options.size)
    picture = torch.rand(1, 3, options.size, options.size)
    onnx = os.path.join(folder, name + '.onnx')
    x, y = os.path.join(folder, 'x.npy'), os.path.join(folder, 'y.npy')
    export(model, picture, onnx)
    numpy.save(x, picture.numpy())
    with torch.inference_mode():
        right = model(picture).flatten().tolist()
    on_gpu = options.device == 'cuda'
    dtype = torch.float16 if on_gpu else torch.float32
    model = model.to(options.device, dtype, memory_format=torch.channels_last)
    model = model if on_gpu else rounded(model)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(layerd_ms(os.path.abspath(options.layerctl), onnx, x,
                              'y=' + y, options.runs))
        ms, answer = torch_ms(model, picture, options.device, dtype,
                              options.runs)
        theirs.append(ms)
    return verdict(name, ours, theirs,
                   distance_of(numpy.load(y).flatten().tolist(), right),
                   distance_of(answer, right),
                   RATIO_MOST if on_gpu else float('inf'))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--layerctl')
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda')
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--runs', type=int, default=100)
    parser.add_argument('names', nargs='*', default=NETS)
    options = parser.parse_args()
    reason = why_not(options.device)
    if reason:
        print(reason)
        return 3
    if options.check:
        return 0
    import torch
    print('versions: PyTorch %s, cuDNN %s' %
          (torch.__version__, torch.backends.cudnn.version()), flush=True)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names:
            row, right = compare(name, folder, options)
            print(row, flush=True)
            passed += right
            failed += not right
    print('%d passed, %d failed' % (passed, failed))
    return 0 if failed == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
