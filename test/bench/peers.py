"""Is layerd as fast as the fastest engine when all weights are resident?

Every engine is a process of its own that computes when it is told to; in each
round all of them answer one request in turn, in an order that is turned round
by round. A ratio is the median over rounds of the ratio of two times of the
same round: what else the machine does meets both. Below 1 layerd is faster;
above 1.05 against any engine we would worry.

  peers.sh [--threads 1,2] [--rounds 30] [--models resnet50,...]
           [--work FOLDER] [--prepare] [--pause MS] [--results FILE]

A folder for files that stays lets a first run prepare what the second measures
on a machine that is quiet. It also keeps the rows that were measured, so that a
long comparison may be made in pieces: FILE then has all of them. A pause before
each turn lets threads of the engine before go to sleep, which wait in a loop
for a while; with it all engines answer after a rest.
"""
import argparse
import datetime
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

import onnx as onnx_package

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = "resnet50,resnet152,vgg16,densenet201,mobilenet_v2,vit_b_16,bert_base"
PEERS = ("onnxruntime", "openvino", "ncnn")
# What is asked of each file, against whom: DESIGN.md has the goals.
LAYERD = {
    "bytes": [],
    "whole": ["--extent-bytes-max", "1GiB", "--part-flops-max", "1000000000000"],
    "latency": ["--for", "latency"],
}


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--pause", type=float, default=0,
                        help="milliseconds before each turn; default 0")
    parser.add_argument("--results", help="a Markdown file to write")
    parser.add_argument("--prepare", action="store_true",
                        help="only make what --work lacks, to measure later")
    parser.add_argument("--layerctl", required=True)
    parser.add_argument("--contender", required=True)
    parser.add_argument("--work", required=True, help="a folder for files")
    return parser.parse_args()


class Contender:
    """A process that computes once for each line that it is sent."""

    def __init__(self, name, command):
        self.name = name
        self.times = []
        self.process = subprocess.Popen(command,
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL,
                                        text=True)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return float(line) if line else None

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def onnx_of(model):
    folder = subprocess.run([f"{HERE}/../models/make.sh", model],
                            check=True,
                            stdout=subprocess.PIPE,
                            text=True).stdout.strip()
    return f"{folder}/model.onnx"


def pack(option, model, onnx):
    """A layer file of each kind; None where layerd refuses."""
    files = {}
    for kind, flags in LAYERD.items():
        file = f"{option.work}/{model}.{kind}.layers"
        if os.path.exists(file):
            files[kind] = file
            continue
        packed = subprocess.run(
            [option.layerctl, "pack", onnx, "-o", file] + flags,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True)
        if packed.returncode == 0:
            files[kind] = file
        else:
            print(f"{model} {kind}: {packed.stderr.strip()}", file=sys.stderr)
    return files


def to_ncnn(option, model, onnx):
    """What ncnn reads, without its ending; None where pnnx cannot make it."""
    here = f"{option.work}/{model}"
    if os.path.exists(f"{here}.ncnn.param"):
        return here
    if os.path.exists(f"{here}.onnx"):
        return None
    os.symlink(onnx, f"{here}.onnx")
    graph = onnx_package.load(onnx, load_external_data=False).graph
    constants = {c.name for c in graph.initializer}
    shapes = [[d.dim_value or 1 for d in i.type.tensor_type.shape.dim]
              for i in graph.input if i.name not in constants]
    # Its command wants PyTorch; the program beside it does not.
    folder = importlib.util.find_spec("pnnx").submodule_search_locations[0]
    program = f"{option.work}/pnnx"
    if not os.path.exists(program):
        shutil.copy(f"{folder}/pnnx", program)
        os.chmod(program, 0o755)
    subprocess.run([
        program, f"{here}.onnx",
        "inputshape=" + ",".join(str(s).replace(" ", "") for s in shapes),
        "fp16=0"
    ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
    return here if os.path.exists(f"{here}.ncnn.param") else None


def contenders(option, threads, onnx, ncnn, files):
    peers = [
        Contender(peer, [sys.executable, f"{HERE}/peer.py", peer,
                         str(threads), ncnn if peer == "ncnn" else onnx])
        for peer in PEERS
        if peer != "ncnn" or ncnn
    ]
    ours = [
        Contender(kind, [option.contender, str(threads), file])
        for kind, file in files.items()
    ]
    # Whoever cannot run the model is left out, and said to be.
    able = []
    for contender in peers + ours:
        if contender.ask() is None:
            print(f"{contender.name} cannot run {onnx}", file=sys.stderr)
        else:
            able.append(contender)
    return able


def compete(able, rounds, pause_ms):
    for contender in able:
        contender.ask()
    for number in range(rounds):
        turn = number % len(able)
        for contender in able[turn:] + able[:turn]:
            time.sleep(1e-3 * pause_ms)
            contender.times.append(contender.ask())
    for contender in able:
        contender.close()
    return {contender.name: contender.times for contender in able}


def ratio(times, ours, others):
    """Of `ours` to the one of `others` that is fastest by its median."""
    present = [o for o in others if o in times]
    if ours not in times or not present:
        return None
    best = min(present, key=lambda o: statistics.median(times[o]))
    return statistics.median(
        a / b for a, b in zip(times[ours], times[best]))


def cell(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def row(model, threads, times):
    medians = [
        cell(statistics.median(times[n]) if n in times else None, 1)
        for n in PEERS + tuple(LAYERD)
    ]
    ratios = [
        ratio(times, "bytes", ["whole"]),
        ratio(times, "whole", ["onnxruntime"]),
        ratio(times, "latency", PEERS),
    ]
    return [model, str(threads)] + medians + [cell(r, 3) for r in ratios]


HEAD = [
    "model", "threads", *PEERS, "`--for bytes`", "its whole layers",
    "`--for latency`", "bytes / whole", "whole / onnxruntime",
    "latency / fastest"
]


class Rows:
    """What was measured, in this run and in those before it."""

    def __init__(self, folder):
        self.path = f"{folder}/rows.json"
        self.rows = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.rows = json.load(file)

    def add(self, line):
        self.rows[" ".join(line[:2])] = line
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(self.rows, file)

    def in_order(self):
        models = MODELS.split(",")
        return sorted(
            self.rows.values(), key=lambda line:
            (line[1], models.index(line[0]) if line[0] in models else 99))


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} CPUs ({model}), Linux {platform.release()}"


def write(path, lines, rounds, described):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""# Against other engines, all weights resident

Written by `test/bench/peers.sh --rounds {rounds} --results RESULTS.md` on
{datetime.date.today()}: {described}. Medians in ms, f32, batch 1; ratios are
medians of those of each round (`peers.py` says how). A dash: the engine or
layerd cannot run the model, or was not there.

| {" | ".join(HEAD)} |
|{" --- |" * len(HEAD)}
""")
        for line in lines:
            file.write("| " + " | ".join(line) + " |\n")


def main():
    option = options()
    rows = Rows(option.work)
    for model in option.models.split(","):
        onnx = onnx_of(model)
        files = pack(option, model, onnx)
        ncnn = to_ncnn(option, model, onnx)
        if option.prepare:
            continue
        for threads in option.threads.split(","):
            able = contenders(option, int(threads), onnx, ncnn, files)
            line = row(model, threads, compete(able, option.rounds, option.pause))
            print("  ".join(line), flush=True)
            rows.add(line)
            if option.results:
                write(option.results, rows.in_order(), option.rounds,
                      machine())


if __name__ == "__main__":
    main()
