"""Asks many networks as a new user would. See test/models/zoo.sh."""

import argparse
import json
import logging
import multiprocessing
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools"),
                str(HERE.parent.parent / "e2e")]
PATIENCE_S = 300
# Eight bits: the share of the largest answer that rounding may move.
QUANTISED = 0.1


def load_all():
    """Registers every network. Slow: it imports torch and what is built on
    it."""
    import packages  # noqa: F401
    import pictures  # noqa: F401
    import scenes  # noqa: F401
    import sounds  # noqa: F401
    import tables  # noqa: F401
    import texts  # noqa: F401
    from registry import NETWORKS

    return NETWORKS


def packed(model, question, bound, folder):
    import asking
    import networks
    import tensors

    words = []
    for i, (name, array) in enumerate(bound.items()):
        path = folder / f"bound{i}.npy"
        tensors.save_npy(path, array)
        words += ["--value", asking.named(name, path)]
    layers = folder / "model.layers"
    asking.pack(model, layers, networks.free_shapes(model, question), *words)
    return layers


def half_its_weights(layers):
    """Or the smallest budget that will do, if that is larger."""
    import asking
    from layerd import layerctl

    words = asking.done(layerctl("plan", layers, "--json")).out
    facts = json.loads(asking.done(layerctl("inspect", layers, "--json")).out)
    least = json.loads(words)["minimum_budget_bytes"]
    return max(least, facts["stream_bytes"] // 2)


def apart(got, question):
    """The largest difference as a share of the largest expected number."""
    import numpy as np

    worst = 0.0
    for name, want in question.wants.items():
        if got[name].shape != want.shape or got[name].dtype != want.dtype:
            return float("inf")
        if not np.issubdtype(want.dtype, np.floating) or want.size == 0:
            continue
        wide = want.astype(np.float64)
        worst = max(worst, float(np.abs(got[name] - wide).max()
                                 / max(np.abs(wide).max(), 1e-30)))
    return worst


def ask(network, folder):
    """One word and what to say about it."""
    import asking
    import oracle
    from networks import Question

    try:
        model, inputs, bound = network.make(folder)
        wants = oracle.answer(str(model), inputs)
    except Exception as error:  # Another's program: any way of failing.
        return "not made", repr(error)[:200]
    question = Question(network.name, {
        name: array for name, array in inputs.items() if name not in bound
    }, wants)
    try:
        layers = packed(model, question, bound, folder)
        got, _ = asking.run(layers, question, folder, half_its_weights(layers))
    except asking.Refused as refused:
        is_said = refused.status in (1, 2)
        return "refused" if is_said else "CRASHED", str(refused)
    worst = apart(got, question)
    if network.is_quantised:
        return ("right" if worst <= QUANTISED else "WRONG"), f"{worst:.1e}"
    why = asking.why_wrong(got, question)
    return ("WRONG", why) if why else ("right", f"{worst:.1e}")


def ask_here(name, said, noise):
    for stream in (1, 2):
        os.dup2(noise, stream)
    logging.disable(logging.CRITICAL)
    cache = pathlib.Path(os.environ["ZOO_CACHE"])
    folder = cache / name.replace(":", "_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["XDG_CACHE_HOME"] = str(folder)
    try:
        said.send(ask(load_all()[name], folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ask_in_child(name):
    """A process for each: an exporter may crash as well. Forked, because what
    makes networks takes seconds to import."""
    forked = multiprocessing.get_context("fork")
    heard, said = forked.Pipe(duplex=False)
    with tempfile.TemporaryFile() as noise, heard, said:
        child = forked.Process(target=ask_here,
                               args=(name, said, noise.fileno()))
        child.start()
        child.join(PATIENCE_S)
        if child.is_alive():
            child.kill()
            child.join()
            return "HANGS", f"more than {PATIENCE_S} s"
        if child.exitcode != 0:
            noise.seek(0)
            return "not made", noise.read().decode(errors="replace")[-200:]
        return heard.recv()


def verdict(network, word, about):
    """All but right and what is refused on purpose counts against us."""
    if word == "refused" and network.refused and network.refused in about:
        return "refused on purpose"
    return word


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="networks or families")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    networks = load_all()
    chosen = [network for network in networks.values() if not args.names
              or {network.name, network.family} & set(args.names)]
    if args.list:
        for network in chosen:
            print(f"{network.family:20} {network.name}")
        return 0
    return report(chosen)


def report(chosen):
    counts = {}
    for network in chosen:
        word, about = ask_in_child(network.name)
        word = verdict(network, word, about)
        counts[word] = counts.get(word, 0) + 1
        about = " ".join(about.split())[:300]
        print(f"| {network.name} | {network.family} | {word} | {about} |",
              flush=True)
    print(", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
    fine = {"right", "refused on purpose"}
    return 0 if counts.get("right") and set(counts) <= fine else 1


if __name__ == "__main__":
    sys.exit(main())
