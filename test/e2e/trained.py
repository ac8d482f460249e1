"""Do networks that others trained answer right? See test/models/trained.sh."""

import argparse
import json
import os
import pathlib
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import asking
import networks
from layerd import Daemon, layerctl

PACKING_S = 600
TILE_BYTES = 4096  # Of a table.
TILES_A_TOKEN_MAX = 2
LOOKED_UP = ("paraphrase-minilm-l3",)  # Networks that have a table.


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, what, why):
        self.passed += not why
        self.failed += bool(why)
        print(f"{'FAILED' if why else 'passed'}: {what}"
              + (f": {why}" if why else ""), flush=True)

    def ask(self, what, ask, question):
        try:
            got, _ = ask()
            self.add(what, asking.why_wrong(got, question))
        except (asking.Refused, AssertionError, OSError) as error:
            self.add(what, str(error) or repr(error))


def least_budget(layers):
    plan = asking.done(layerctl("plan", layers, "--json"))
    return json.loads(plan.out)["minimum_budget_bytes"]


def run_streamed(model, shapes, question, folder, tally):
    layers = folder / "model.layers"
    asking.pack(model, layers, shapes)
    got, ended = asking.run(layers, question, folder, least_budget(layers))
    count_tiles(layers, question, json.loads(ended.out), tally)
    return got, ended


def count_tiles(layers, question, ran, tally):
    """A table is looked up: what is read beyond the stream is its tiles."""
    facts = json.loads(asking.done(layerctl("inspect", layers, "--json")).out)
    extents = facts["extents"]
    if len(set(facts["reads"])) == len(extents):
        if any(name in question.title for name in LOOKED_UP):
            tally.add(question.title, "its table is no longer read by row")
        return
    stream = sum(extents[read]["stored_bytes"] for read in facts["reads"])
    tiles = (ran["runs"][0]["read_bytes"] - stream) / TILE_BYTES
    tokens = max(array.size for array in question.inputs.values())
    what = (f"{question.title}, {tiles:.0f} tiles of the table for {tokens} "
            f"tokens, {tiles / tokens:.2f} each")
    is_fine = 0 < tiles <= TILES_A_TOKEN_MAX * tokens
    tally.add(what, None if is_fine else f"more than {TILES_A_TOKEN_MAX}, "
              "or none")


def yaml_of(shapes):
    """JSON is YAML, and quotes any name."""
    return json.dumps({"shapes": shapes}) if shapes else "{}"


def ask_daemon(model, name, variants, folder, tally):
    """`variants` are (shapes, question): a model of its own for each shape."""
    configs = {}
    for shapes, _ in variants:
        if yaml_of(shapes) not in configs.values():
            configs[f"{name}-{len(configs)}"] = yaml_of(shapes)
    models = dict.fromkeys(configs, model)
    names = {text: each for each, text in configs.items()}
    with Daemon(models, "--threads", "1", configs=configs,
                patience_s=PACKING_S) as daemon:
        for shapes, question in variants:
            called = names[yaml_of(shapes)]
            tally.ask(
                f"{question.title}, layerd",
                lambda: asking.infer(daemon.address, called, question, folder),
                question,
            )


def ask_network(folder, tally):
    model = folder / "model.onnx"
    variants = [
        (networks.free_shapes(model, question), question)
        for question in networks.data_sets(folder)
    ]
    with tempfile.TemporaryDirectory() as kept:
        kept = pathlib.Path(kept)
        for shapes, question in variants:
            tally.ask(
                f"{question.title}, layerctl run, smallest budget",
                lambda: run_streamed(model, shapes, question, kept, tally),
                question,
            )
        try:
            ask_daemon(model, folder.name, variants, kept, tally)
        except AssertionError as error:
            tally.add(f"{folder.name}, layerd", str(error))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    there = sorted(path.parent for path in args.folder.glob("*/model.onnx"))
    tally = Tally()
    for name in set(args.names) - {folder.name for folder in there}:
        tally.add(name, "is not there")
    for folder in there:
        if not args.names or folder.name in args.names:
            ask_network(folder, tally)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
