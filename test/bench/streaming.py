"""What does streaming cost, in time and in memory?

  streaming.sh [--no-build] [--work FOLDER] [--only WORDS] [--row NAME]...
               [--list] [--again] [--requests K] [--results FILE.md]

Rows are measured one after another and kept in FOLDER: a run that is cut off
goes on where it was, --only "224 resnet50" measures the rows whose name has
all of these words, and --row "608 yolov4_608 f32" that one. The tables come at the end, with the goals beside them.
Nothing else should run meanwhile.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from layerd import LAYERCTL, MIB, Daemon, number_in  # noqa: E402
from memory_limit import MemoryLimit  # noqa: E402

PEERS = os.environ["STREAMING_PEERS"]
LOADER_RATE = os.environ["LOADER_RATE"]
KIB, GIB = 1 << 10, 1 << 30
SEQUENCE = 128
# 224 px and 128 tokens: model, type of weights, budget.
AT_224 = [
    ("resnet50", "i8", "4MiB"), ("resnet50", "f16", "4MiB"),
    ("resnet50", "f32", "4MiB"),
    ("resnet152", "f16", "8MiB"), ("resnet152", "i8", "8MiB"),
    ("resnet152", "f32", "8MiB"),
    ("densenet201", "i8", "3600KiB"), ("densenet201", "f16", "3600KiB"),
    ("vit_b_16", "i8", "16MiB"), ("vit_b_16", "f16", "16MiB"),
    ("bert_base", "i8", "20MiB"), ("bert_base", "f16", "20MiB"),
]
# 608 px: budget at 99 % less; a layer; read over compute on the paper's board.
AT_608 = [
    ("resnet152_608", "2300KiB", 9 * MIB, 0.52),
    ("densenet201_608", "770KiB", 7680 * KIB, 0.39),
    ("yolov4_608", "2500KiB", 18 * MIB, 0.77),
]
PEER_MODELS = [("resnet50", 4 * MIB), ("resnet152", 8 * MIB),
               ("densenet201", 4 * MIB), ("vit_b_16", 16 * MIB),
               ("bert_base", 20 * MIB)]
# As many threads compute as there are CPUs, so the loader has none of its own.
TWO_THREADS = [("resnet50", "i8", "4MiB"), ("resnet50", "f16", "4MiB"),
               ("resnet152", "i8", "8MiB"), ("resnet152", "f16", "8MiB"),
               ("densenet201", "i8", "3600KiB"), ("vit_b_16", "i8", "16MiB"),
               ("bert_base", "i8", "20MiB"),
               ("resnet152_608", "f32", "2300KiB"),
               ("densenet201_608", "f32", "770KiB")]
SEVEN = ["alexnet", "vgg16", "resnet50", "resnet152", "densenet201",
         "mobilenet_v2", "vit_b_16"]
DRIVE = [(512 * KIB, 2), (MIB, 2), (MIB, 4), (2 * MIB, 2), (2 * MIB, 4)]
DRIVE_ROUNDS, LOOK_MS = 9, 300


def model_path(name):
    made = subprocess.run([HERE.parent / "models" / "make.sh", name],
                          check=True, capture_output=True, text=True)
    return pathlib.Path(made.stdout.strip()) / "model.onnx"


def write_npy(path, values):
    """INT64, [1, count]."""
    header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1, %d), }"
    text = (header % len(values)).ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little"))
        file.write(text.encode())
        for value in values:
            file.write(value.to_bytes(8, "little"))


def indices(work):
    """For networks whose tables random numbers would miss."""
    arrays = {"input_ids": [(37 * i + 5) % 1000 for i in range(SEQUENCE)],
              "attention_mask": [1] * SEQUENCE,
              "token_type_ids": [0] * SEQUENCE}
    words = []
    for name, values in arrays.items():
        write_npy(work / f"{name}.npy", values)
        words += ["--input", f"{name}={work / name}.npy"]
    return words


def bench(work, name, weights, budget, requests, *more, threads=1):
    words = indices(work) if name.startswith("bert") else []
    command = [LAYERCTL, "bench", model_path(name), "--weights", weights,
               "--budget", budget, "--threads", threads, "--requests", requests,
               "--cache", work / "cache", "--json", *words, *more]
    ended = subprocess.run([str(word) for word in command],
                           capture_output=True, text=True)
    if ended.returncode != 0:
        raise RuntimeError(ended.stdout + ended.stderr)
    return json.loads(ended.stdout)


def resident_ms(row):
    return min(row["resident_ms_p50"],
               row["whole_layer_ms_p50"] or row["resident_ms_p50"])


class Table:
    """Named rows: what is measured is kept."""

    def __init__(self, options):
        self.options = options
        self.work = pathlib.Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.path = self.work / "rows.json"
        self.rows = json.loads(self.path.read_text()) \
            if self.path.exists() else {}

    def wanted(self, name):
        rows, words = self.options.row, (self.options.only or "").split()
        return (not rows or name in rows) and all(w in name for w in words)

    def measure(self, name, ask):
        if not self.wanted(name):
            return
        if self.options.list:
            print(name)
            return
        if name in self.rows and not self.options.again:
            return
        print(name, file=sys.stderr, flush=True)
        try:
            self.rows[name] = ask()
        except (RuntimeError, OSError, KeyError) as error:
            print(f"FAILED: {name}: {error}", file=sys.stderr)
            return
        self.path.write_text(json.dumps(self.rows, indent=1))

    def bench(self, name, *words):
        self.measure(name, lambda: bench(self.work, *words))


def drive_mib_s(rows, name, ratio):
    """At which reading it as f32 takes `ratio` of computing."""
    row = rows[f"608 {name} f32"]
    return round(row["weight_bytes"] / MIB /
                 (ratio * resident_ms(row) / 1e3))


def measure_bench(table, requests):
    for name, weights, budget in AT_224:
        table.bench(f"224 {name} {weights}", name, weights, budget, requests)
    few = max(3, requests // 3)
    for name, weights, budget in TWO_THREADS:
        count = few if "608" in name else requests
        table.measure(
            f"2 threads {name} {weights}",
            lambda n=name, w=weights, b=budget, c=count: bench(
                table.work, n, w, b, c, threads=2))
    for name, budget, layer, ratio in AT_608:
        table.bench(f"608 {name} f32", name, "f32", budget, few)

        def paced(weights, bytes_, name=name, ratio=ratio):
            return bench(table.work, name, weights, bytes_, few,
                         "--drive-mib-s", drive_mib_s(table.rows, name, ratio))
        table.measure(f"paced {name} f32, one layer",
                      lambda p=paced, b=layer: p("f32", b))
        table.measure(f"paced {name} f16, half a layer",
                      lambda p=paced, b=layer // 2: p("f16", b))


class Peer:
    """A process that answers once for each line, in as much memory."""

    def __init__(self, name, command, limit_bytes=None):
        self.ms, self.answers = [], set()
        self.limit = limit_bytes and MemoryLimit(name, limit_bytes)
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            preexec_fn=self.limit.enter if self.limit else None)

    def ask(self, counts=True):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if not words:
            raise RuntimeError(f"a peer ended: {self.process.wait()}")
        if counts:
            self.ms.append(float(words[0]))
        self.answers.add(words[1])

    def peak_bytes(self):
        return 1024 * number_in(f"/proc/{self.process.pid}/status", "VmHWM")

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        if self.limit:
            self.limit.close()


def layer_file(work, name):
    path = work / f"{name}.layers"
    if not path.exists():
        subprocess.run([LAYERCTL, "pack", model_path(name), "-o", path],
                       check=True, capture_output=True)
    return path


def peers(work, name, budget, rounds):
    file = layer_file(work, name)
    ours = [PEERS, file, budget, rounds]
    first = Peer("first", [*ours, "layerd"])
    for _ in range(3):
        first.ask()
    limit = first.peak_bytes() + 2 * MIB
    first.end()
    all_ = {who: Peer(who, [*ours, who], limit)
            for who in ("layerd", "ahead", "mapped")}
    refusal = next((p.limit.refusal for p in all_.values() if p.limit.refusal),
                   "")
    all_["onnxruntime, loaded each time, no limit"] = Peer(
        "ort", [os.environ["PYTHON"], HERE / "ort_reload.py",
                model_path(name)])
    try:
        for round_ in range(-1, rounds):
            for peer in all_.values():
                peer.ask(counts=round_ >= 0)
    finally:
        for peer in all_.values():
            peer.end()
    answers = [p.answers for who, p in all_.items() if "onnx" not in who]
    if any(a != answers[0] for a in answers):
        raise RuntimeError("answers differ")
    return {"limit_mib": limit / MIB, "refusal": refusal,
            "ms": {who: peer.ms for who, peer in all_.items()}}


def one_daemon(work, names, budget):
    files = {name: layer_file(work, name) for name in names}
    with Daemon(files, "--memory-budget", budget, patience_s=300) as daemon:
        for _ in range(2):
            for name in names:
                ask = subprocess.run(
                    [LAYERCTL, "infer", name,
                     model_path(name).parent / "test_data_set_0/input_0.npy",
                     "--address", daemon.address], capture_output=True,
                    text=True)
                if ask.returncode != 0:
                    raise RuntimeError(f"{name}: {ask.stderr}")
        return {"peak_mib": daemon.peak_bytes() / MIB}


class HugePages:
    """Enough for fio's buffers while it runs; some systems have none set
    aside, and who is not root cannot change that."""

    def __init__(self, count):
        self.path = pathlib.Path("/proc/sys/vm/nr_hugepages")
        self.before = self.path.read_text()
        if int(self.before) < count:
            try:
                self.path.write_text(str(count))
            except OSError:
                pass

    def there(self, count):
        return int(self.path.read_text()) >= count

    def close(self):
        if self.path.read_text() != self.before:
            self.path.write_text(self.before)


def fio(file, read_bytes, depth):
    count = 2 + read_bytes * depth // (2 * MIB)
    pages = HugePages(count)
    memory = "shmhuge" if pages.there(count) else "mmap"
    command = ["fio", "--name=x", f"--filename={file}", "--readonly",
               "--rw=read", f"--bs={read_bytes}", f"--iodepth={depth}",
               "--direct=1", "--ioengine=io_uring", "--fixedbufs=1",
               f"--mem={memory}", "--thread", f"--runtime={LOOK_MS}ms",
               "--time_based", "--output-format=json"]
    try:
        ended = subprocess.run(command, text=True, capture_output=True)
    except FileNotFoundError:
        raise RuntimeError("fio is not there: install Debian's fio") from None
    finally:
        pages.close()
    if ended.returncode != 0:
        raise RuntimeError(ended.stdout + ended.stderr)
    job = json.loads(ended.stdout)["jobs"][0]
    cpu_ms = (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"]
    return {"fio_mib_s": job["read"]["bw_bytes"] / MIB,
            "fio_cpu": cpu_ms / (job["read"]["io_bytes"] / GIB),
            "fio_huge_pages": memory == "shmhuge"}


def loader_rate(file, read_bytes, depth):
    ring_bytes = max(8 * MIB, 2 * read_bytes * depth)
    ended = subprocess.run(
        [LOADER_RATE, file, str(ring_bytes), str(read_bytes), str(depth),
         str(LOOK_MS / 1e3)], check=True, capture_output=True, text=True)
    return json.loads(ended.stdout)


def drive(work, read_bytes, depth):
    """Short looks of both in turn, for a drive's rate drifts by a third within
    a minute: shares of fio's rate are medians over the rounds."""
    file = layer_file(work, "resnet152")
    what = file, read_bytes, depth
    rounds = [fio(*what) | loader_rate(*what) for _ in range(DRIVE_ROUNDS)]
    row = {key: statistics.median(one[key] for one in rounds)
           for key in rounds[0]}
    for who in ("plain", "bare", "loader"):
        key = "mib_s" if who == "loader" else f"{who}_mib_s"
        row[f"{who}_of_fio"] = statistics.median(
            one[key] / one["fio_mib_s"] for one in rounds)
    return row


def percent(value, base):
    return 100 * (value / base - 1)


def shares_of(r, base):
    """Of the overhead, by medians: computing in parts, what those take longer
    when they are streamed, and waiting for the drive."""
    computing, waiting = r["streamed_computing_ms_p50"], r["drive_wait_ms_p50"]
    return (f"{percent(r['resident_ms_p50'], base):.1f} |"
            f" {100 * (computing - r['resident_ms_p50']) / base:.1f} |"
            f" {100 * waiting / base:.1f} |")


def overhead(row):
    """With where it lies, wrong once in twenty times at most."""
    text = f"{row['overhead_pct']:.1f}"
    if row.get("overhead_pct_low") is None:
        return text
    low, high = row["overhead_pct_low"], row["overhead_pct_high"]
    return f"{text} ({low:.1f} to {high:.1f})"


def bench_table(rows, prefix):
    lines = ["| row | less memory % | resident, ms | streamed, ms | overhead %"
             " | over one engine % | of it parts % | decoding, caches % |"
             " waiting % | recurrence % |"
             " any schedule % | gap % | drive beside computing, MiB/s |"
             " before | gap by that % | prediction's error % | over resident %"
             " | loader less checksums, CPU-ms a GiB | longest part, ms | peak,"
             " MiB | same bits |", "|" + " --- |" * 21]
    for name, r in rows.items():
        if not name.startswith(prefix):
            continue
        base = resident_ms(r)
        # All of it may be resident.
        cpu = r["loader_cpu_ms_per_gib"]
        cpu = "-" if cpu is None else f"{cpu - r['crc_cpu_ms_per_gib']:.0f}"
        peak = r["peak_rss_bytes"]
        lines.append(
            f"| {name} | {r['weight_memory_reduction_pct']:.1f} | {base:.1f} |"
            f" {r['streamed_ms_p50']:.1f} | {overhead(r)} |"
            f" {r['overhead_of_one_engine_pct']:.1f} | {shares_of(r, base)}"
            f" {percent(r['asap_bound_ms'], base):.1f} |"
            f" {percent(r['lower_bound_ms'], base):.1f} |"
            f" {r['gap_to_asap_pct']:.1f} | {r['drive_mib_s']:.0f} |"
            f" {r['drive_before_mib_s']:.0f} |"
            f" {r['gap_to_asap_before_pct']:.1f} |"
            f" {r['prediction_error_pct']:.1f} |"
            f" {r['overhead_prediction_error_pct']:.1f} |"
            f" {cpu} | {r['longest_part_us'] / 1e3:.2f} |"
            f" {'-' if peak is None else f'{peak / MIB:.1f}'} |"
            f" {'yes' if r['outputs_identical'] else 'NO'} |")
    rows = [r for name, r in rows.items() if name.startswith(prefix)]
    if not rows:
        return []
    for key, what in [("prediction_error_pct", "milliseconds"),
                      ("overhead_prediction_error_pct", "times resident")]:
        errors = [abs(r[key]) for r in rows]
        lines.append(f"\nPrediction's error in {what}: median "
                     f"{statistics.median(errors):.1f} %, worst "
                     f"{max(errors):.1f} %.")
    return lines


def two_threads_table(rows):
    lines = []
    for name, r in rows.items():
        if not name.startswith("2 threads "):
            continue
        base = resident_ms(r)
        floor = 100 * (r["loader_cpu_ms_mean"] or 0) / base
        lines.append(
            f"| {name[10:]} | {r['weight_memory_reduction_pct']:.1f} |"
            f" {base:.1f} | {r['streamed_ms_p50']:.1f} |"
            f" {overhead(r)} |"
            f" {r['overhead_of_one_engine_pct']:.1f} | {floor:.1f} |"
            f" {r['overhead_pct'] - floor:.1f} |"
            f" {percent(r['asap_bound_ms'], base):.1f} |"
            f" {'yes' if r['outputs_identical'] else 'NO'} |")
    head = ["| 2 threads | less memory % | resident, ms | streamed, ms |"
            " overhead % | over one engine % | floor % | above it |"
            " recurrence % | same bits |", "|" + " --- |" * 10]
    return head + lines if lines else []


def peers_table(rows):
    lines = []
    for name, row in rows.items():
        if not name.startswith("peers "):
            continue
        if row["refusal"]:
            lines.append(f"\n**No memory limit**: {row['refusal']}.")
        for who, ms in row["ms"].items():
            p99 = sorted(ms)[min(len(ms) - 1, int(0.99 * len(ms)))]
            lines.append(f"| {name[6:]} | {row['limit_mib']:.0f} | {who} |"
                         f" {statistics.median(ms):.1f} | {p99:.1f} |")
    head = ["| model | limit, MiB | who | p50, ms | p99, ms |",
            "|" + " --- |" * 5]
    return head + lines if lines else []


def drive_table(rows):
    lines = []
    for name, r in rows.items():
        if name.startswith("drive "):
            lines.append(
                f"| {name[6:]} | {r['fio_mib_s']:.0f} |"
                f" {100 * r['plain_of_fio']:.0f} |"
                f" {100 * r['bare_of_fio']:.0f} |"
                f" {100 * r['loader_of_fio']:.0f} | {r['mib_s']:.0f} |"
                f" {r['read_kib_mean']:.0f} | {r['fio_cpu']:.0f} |"
                f" {r['plain_cpu_ms_per_gib']:.0f} |"
                f" {r['cpu_ms_per_gib'] - r['crc_cpu_ms_per_gib']:.0f} |"
                f" {r['crc_cpu_ms_per_gib']:.0f} |"
                f" {'huge' if r['fio_huge_pages'] else 'small'} |")
    head = ["| reads, in flight | fio, MiB/s | plain reads, % of fio | checked"
            " | loader | loader, MiB/s | its mean read, KiB | CPU-ms a GiB: fio"
            " | plain reads | loader less checksums | checksums | pages of fio"
            " |", "|" + " --- |" * 12]
    return head + lines if lines else []


def daemon_table(rows):
    lines = [f"| {name[7:]} | {row['peak_mib']:.1f} |"
             for name, row in rows.items() if name.startswith("daemon ")]
    return ["| daemon | peak, MiB |", "| --- | --- |"] + lines if lines else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", default="/tmp/layerd-streaming")
    parser.add_argument("--only", help="rows whose names have these words")
    parser.add_argument("--row", action="append", help="just this; repeats")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--requests", type=int, default=15)
    parser.add_argument("--results", help="a Markdown file to write")
    options = parser.parse_args()
    table = Table(options)
    measure_bench(table, options.requests)
    for name, budget in PEER_MODELS:
        table.measure(f"peers {name}", lambda n=name, b=budget: peers(
            table.work, n, b, options.requests))
    for read_bytes, depth in DRIVE:
        table.measure(f"drive {read_bytes // KIB} KiB, {depth}",
                      lambda r=read_bytes, d=depth: drive(table.work, r, d))
    table.measure("daemon resnet50, 16 MiB (goal 52)",
                  lambda: one_daemon(table.work, ["resnet50"], "16MiB"))
    table.measure("daemon seven in turn, 96 MiB (goal 160)",
                  lambda: one_daemon(table.work, SEVEN, "96MiB"))
    if options.list:
        return
    parts = [bench_table(table.rows, p) for p in ("224 ", "608 ", "paced ")]
    parts += [make(table.rows) for make in (
        two_threads_table, peers_table, drive_table, daemon_table)]
    text = "\n\n".join("\n".join(part) for part in parts if part) + "\n"
    print(text)
    if options.results:
        pathlib.Path(options.results).write_text(text)


if __name__ == "__main__":
    main()
