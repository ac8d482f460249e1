"""Asks ONNX Runtime what a model answers: the oracle of the end-to-end tests.

  ort_answer.py MODEL.onnx --input NAME=x.npy --output NAME=y.npy

Both options repeat, and files may be .npy or, for inputs, .pb. NAME=PATH
splits at the first `=`; one inside NAME is written `\\=`. With one input or
one output in the graph, `NAME=` may be left out. Optimisations are off and one
thread computes, so the answer is as close to the graph as it comes.
"""

import argparse
import re
import sys

import onnx

import oracle
import tensors


def parse(words, names, what):
    """{name: path} from NAME=PATH words; `names` are those of the graph."""
    paths = {}
    for word in words:
        match = re.match(r"((?:\\=|[^=])*)=(.*)", word, re.DOTALL)
        if match:
            name, path = match[1].replace("\\=", "="), match[2]
        elif len(names) == 1:
            name, path = names[0], word
        else:
            raise ValueError(f"{word}: say which {what} it is, NAME={word}")
        if name not in names:
            raise ValueError(f"no {what} '{name}'; there is {', '.join(names)}")
        paths[name] = path
    return paths


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model")
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--output", action="append", default=[])
    args = parser.parse_args()
    graph = onnx.load(args.model, load_external_data=False).graph
    outputs = [value.name for value in graph.output]
    try:
        inputs = parse(args.input, oracle.input_names(args.model), "input")
        wanted = parse(args.output, outputs, "output")
        feeds = {name: tensors.load(path) for name, path in inputs.items()}
    except (OSError, ValueError) as error:
        print(f"ort_answer.py: {error}", file=sys.stderr)
        return 2
    answers = oracle.answer(args.model, feeds)
    for name, path in wanted.items():
        tensors.save_npy(path, answers[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
