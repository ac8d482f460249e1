"""Does one tensor agree with another?

  compare.py GOT WANT [--rtol 1e-3] [--atol 1e-4] [--top1]

GOT and WANT are .npy or .pb files. They agree if datatype and shape are equal
and two bounds hold:

  every element   |got - want| <= atol * max(1, max|want|) + rtol * |want|
  all together    rms(got - want) <= s * std(want) + rtol / 10 * max|want|

where max|want| is taken over the whole tensor, and s is 1 %, for half
precision 5 %. The second bound rejects what is merely small or flat. Integers
must be equal, and no number may be infinite or NaN. With --top1 the largest
element must also be at the same place.

Prints the worst element, and exits 0 if they agree, 1 if not, 2 if a file
cannot be read.
"""

import argparse
import sys

import numpy as np

import tensors


def _at(array, flat_index):
    index = np.unravel_index(flat_index, array.shape)
    return "[" + ", ".join(str(int(i)) for i in index) + "]"


def _integers(got, want):
    wrong = np.flatnonzero(got != want)
    if wrong.size == 0:
        return None, f"all {want.size} elements are equal"
    at = wrong[0]
    return (
        f"{wrong.size} of {want.size} elements differ, the first at "
        f"{_at(want, at)}: got {got.flat[at]}, want {want.flat[at]}"
    ), ""


def compare(got, want, rtol=1e-3, atol=1e-4, top1=False):
    """Returns (reason, words): why they do not agree, or None; and what there
    is to say about the worst element."""
    if got.dtype != want.dtype:
        return f"datatype is {got.dtype}, want {want.dtype}", ""
    if got.shape != want.shape:
        return f"shape is {list(got.shape)}, want {list(want.shape)}", ""
    if want.size == 0:
        return None, "both are empty"
    if not np.issubdtype(want.dtype, np.floating):
        return _integers(got, want)
    for name, array in (("want", want), ("got", got)):
        wild = np.flatnonzero(~np.isfinite(array))
        if wild.size:
            value = array.flat[wild[0]]
            return f"{name} is {value} at {_at(array, wild[0])}", ""

    share = 0.05 if want.dtype == np.float16 else 0.01
    got, want = got.astype(np.float64), want.astype(np.float64)
    difference = np.abs(got - want)
    largest = np.abs(want).max()
    allowed = atol * max(1.0, largest) + rtol * np.abs(want)
    worst = int(np.argmax(difference / np.maximum(allowed, 1e-300)))
    words = (
        f"worst at {_at(want, worst)}: got {got.flat[worst]:.9g}, "
        f"want {want.flat[worst]:.9g}, apart by {difference.flat[worst]:.3g} "
        f"of {allowed.flat[worst]:.3g} allowed"
    )
    over = int((difference > allowed).sum())
    if over:
        return f"{over} of {want.size} elements are too far off", words

    rms = np.sqrt(np.mean(difference**2))
    rms_allowed = share * want.std() + rtol / 10 * largest
    words += f"; rms {rms:.3g} of {rms_allowed:.3g} allowed"
    if rms > rms_allowed:
        return "the differences are too large together", words
    if top1 and got.argmax() != want.argmax():
        return (
            f"the largest element is at {_at(got, got.argmax())}, "
            f"want {_at(want, want.argmax())}"
        ), words
    return None, words


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("got")
    parser.add_argument("want")
    parser.add_argument("--rtol", type=float, default=1e-3)
    parser.add_argument("--atol", type=float, default=1e-4)
    parser.add_argument("--top1", action="store_true")
    args = parser.parse_args()
    try:
        got, want = tensors.load(args.got), tensors.load(args.want)
    except (OSError, ValueError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 2
    reason, words = compare(got, want, args.rtol, args.atol, args.top1)
    verdict = "agrees" if reason is None else f"DIFFERS: {reason}"
    print(f"{args.got}: {verdict}" + (f" ({words})" if words else ""))
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
