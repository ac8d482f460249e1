"""Compares what the recurrence said of cases with a reference in Python.

    ring_reference.py CASES ASAP.PY

CASES has a JSON document a line: a case as ASAP.PY takes it, and "finish",
"bounds" and "flow" as we have them, or null where we refuse the case. Names the first that
differ by more than 1e-9 of their value, and fails then.
"""

import importlib.util
import json
import math
import sys


def load(path):
    spec = importlib.util.spec_from_file_location("asap", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def finish_times(asap, case):
    blocks = {
        key: case[key]
        for key in ("prefill", "first_read", "block_read", "block_compute")
    }
    try:
        return asap.asap_ring(case["reads"], case["parts"], case["beta"],
                              case["ring"], **blocks)
    except ValueError:
        return None


def bounds(asap, case):
    weighed = asap.weigh(case["reads"], case["parts"])
    return asap.lower_bounds(weighed, case["beta"], case["ring"],
                             case["prefill"])


def flow(asap, case):
    """None where a part needs more than the memory."""
    weighed = asap.weigh(case["reads"], case["parts"])
    try:
        return asap.asap(weighed, case["beta"], case["ring"],
                         case["prefill"])[-1:]
    except ValueError:
        return None


def same(ours, theirs):
    if ours is None or theirs is None:
        return ours is theirs
    return len(ours) == len(theirs) and all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
        for a, b in zip(ours, theirs))


def main():
    asap = load(sys.argv[2])
    count = refused = 0
    with open(sys.argv[1]) as cases:
        for line in cases:
            case = json.loads(line)
            theirs = {"finish": finish_times(asap, case),
                      "bounds": bounds(asap, case),
                      "flow": flow(asap, case)}
            if theirs["flow"] is None:
                del theirs["flow"]
            for key, value in theirs.items():
                if not same(case[key], value):
                    sys.exit(f"case {count}: {key} is {case[key]}, "
                             f"the reference has {value}: {line}")
            count += 1
            refused += theirs["finish"] is None
    print(f"{count} cases agree, {refused} of them refused by both")


if __name__ == "__main__":
    main()
