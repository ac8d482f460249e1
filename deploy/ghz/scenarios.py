"""Load scenarios by ghz, a client that is not ours, with a gate on its JSON.

    deploy/ghz/scenarios.py --ghz GHZ --urgent MODEL.onnx --flood MODEL.onnx
        [--seconds N] [--threads N] [--realtime MODE] [--cache FOLDER]
        [SCENARIO...]

Both models take one picture, 1x3x224x224. Each scenario starts a layerd of its
own. Standard library only. Exits 1 if a gate is shut.

    urgent     30 requests a second beside a flood of best effort: no deadline
               missed, p99 near what it is alone, the flood goes on
    ramp       more and more requests with deadlines: the knee is refusals, with
               the right codes, and no hang
    impossible deadlines below what is possible: all refused, hardly a read
    storm      calls that are cancelled in flight: nothing is left behind, the
               next request is answered
"""

import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(os.path.realpath(__file__)).parents[2]
sys.path.insert(0, str(ROOT / "test" / "e2e"))

SIDE = 224
OVER = {"ResourceExhausted", "DeadlineExceeded"}


# --- What ghz says ------------------------------------------------------------


def figures(report):
    """Counts by code, and latencies in ms of those that were answered."""
    codes = report.get("statusCodeDistribution") or {}
    latency = {entry["percentage"]: entry["latency"] / 1e6
               for entry in report.get("latencyDistribution") or []}
    return codes, latency


def judge_urgent(alone, beside, solo, flood, longest_part_ms):
    """[(what, well, words)] of the urgent class beside a flood."""
    codes, latency = figures(beside)
    p99, p99_alone = latency.get(99), figures(alone)[1].get(99)
    missed = {c: n for c, n in codes.items() if c != "OK"}
    flood_codes = figures(flood)[0]
    share = flood["rps"] * flood_codes.get("OK", 0) / max(1, flood["count"])
    solo_ok = figures(solo)[0].get("OK", 0)
    solo_rate = solo["rps"] * solo_ok / max(1, solo["count"])
    allowed = (p99_alone or 0) + 2 * longest_part_ms
    return [
        ("every urgent request is answered in time",
         not missed and bool(latency), f"{codes}"),
        ("its p99 is within alone + 2 x the longest part",
         p99 is not None and p99 <= allowed,
         f"{p99} ms, alone {p99_alone}, allowed {allowed:.2f}"),
        ("the flood keeps half of its goodput",
         share >= solo_rate / 2, f"{share:.1f}/s of {solo_rate:.1f}/s"),
        ("the flood hears nothing but answers and refusals",
         not set(flood_codes) - OVER - {"OK"}, f"{flood_codes}"),
    ]


def judge_ramp(report):
    codes, _ = figures(report)
    return [
        ("some are answered", codes.get("OK", 0) > 0, f"{codes}"),
        ("the others are refused, with the right codes",
         bool(set(codes) & OVER) and not set(codes) - OVER - {"OK"},
         "; ".join(list(report.get("errorDistribution") or [])[:1])),
    ]


def judge_impossible(report, read_bytes, weight_bytes):
    codes, _ = figures(report)
    return [
        ("all are refused", bool(codes) and not set(codes) - OVER, f"{codes}"),
        ("hardly anything was read for them",
         read_bytes <= 3 * weight_bytes, f"{read_bytes >> 20} MiB"),
    ]


def judge_storm(reports, next_ok, grown_bytes, grown_fds):
    codes = {}
    for report in reports:
        for code, count in figures(report)[0].items():
            codes[code] = codes.get(code, 0) + count
    return [
        ("calls were cancelled", codes.get("Canceled", 0) +
         codes.get("Unavailable", 0) > 0, f"{codes}"),
        ("the next request is answered", next_ok, ""),
        ("no memory is left behind", grown_bytes < 16 << 20,
         f"{grown_bytes >> 10} KiB more"),
        ("no descriptor is left behind", grown_fds <= 4, f"{grown_fds} more"),
    ]


# --- Running it ---------------------------------------------------------------


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def picture_request(model, input_name):
    """One ModelInferRequest of a grey picture, in protobuf's wire format."""
    shape = b"".join(varint(n) for n in (1, 3, SIDE, SIDE))
    tensor = (field(1, input_name.encode()) + field(2, b"FP32") +
              field(3, shape))
    pixels = struct.pack("<f", 0.25) * (3 * SIDE * SIDE)
    return field(1, model.encode()) + field(5, tensor) + field(7, pixels)


class Load:
    def __init__(self, options, daemon):
        self.options, self.address = options, daemon.address
        self.pid = daemon.process.pid
        self.folder = tempfile.TemporaryDirectory()

    def start(self, model, *flags):
        folder = pathlib.Path(self.folder.name)
        data = folder / f"{model}.bin"
        data.write_bytes(picture_request(model, self.options.input))
        report = folder / f"{time.monotonic_ns()}.json"
        child = subprocess.Popen(
            [self.options.ghz, "--insecure", "-i", ROOT / "proto", "--proto",
             ROOT / "proto" / "open_inference.proto", "--call",
             "inference.GRPCInferenceService/ModelInfer", "-B", data, "-O",
             "json", "-o", report, *map(str, flags), self.address])
        return child, report

    def run(self, model, *flags):
        return self.end(self.start(model, *flags))

    def end(self, started):
        child, report = started
        child.wait()
        return json.loads(report.read_text())


def proc(pid, key):
    with open(f"/proc/{pid}/status") as lines:
        for line in lines:
            if line.startswith(key + ":"):
                return 1024 * int(line.split()[1])
    return 0


def daemon_for(options, **configs):
    from layerd import Daemon
    models = {"urgent": options.urgent, "flood": options.flood}
    return Daemon(models, "--weight-budget", options.weight_budget,
                  "--threads", options.threads, "--realtime", options.realtime,
                  *(["--cache", options.cache] if options.cache else []),
                  configs=configs, patience_s=300)


def scenario_urgent(options):
    with daemon_for(options, urgent="priority: 1\n",
                    flood="priority: 4\n") as daemon:
        load = Load(options, daemon)
        paced = ["--async", "--rps", 30, "-c", 8, "--connections", 2,
                 "-z", f"{options.seconds}s", "--duration-stop", "wait"]
        flooding = ["-c", 4, "-z", f"{options.seconds}s",
                    "--duration-stop", "wait"]
        load.run("urgent", "-n", 30, "-c", 1)
        load.run("flood", "-n", 4, "-c", 1)
        alone = load.run("urgent", *paced, "-t", "10s")
        solo = load.run("flood", *flooding, "-t", "60s")
        deadline = figures(alone)[1].get(99, 0) + options.slack_ms
        flood = load.start("flood", *flooding, "-t", "60s")
        beside = load.run("urgent", *paced, "-t", f"{deadline:.0f}ms")
        return judge_urgent(alone, beside, solo, load.end(flood),
                            options.longest_part_ms)


def scenario_ramp(options):
    with daemon_for(options, flood="priority: 2\ndeadline_ms: 600\n") as daemon:
        load = Load(options, daemon)
        step = max(1, options.seconds // 6)
        return judge_ramp(load.run(
            "flood", "--async", "-c", 50, "--load-schedule", "step",
            "--load-start", 2, "--load-step", 8, "--load-end", 50,
            "--load-step-duration", f"{step}s", "-z", f"{options.seconds}s",
            "--duration-stop", "wait", "-t", "5s"))


def scenario_impossible(options):
    from layerd import number_in
    with daemon_for(options, flood="priority: 2\ndeadline_ms: 1\n") as daemon:
        load = Load(options, daemon)
        load.run("urgent", "-n", 4, "-c", 1)
        before = number_in(f"/proc/{load.pid}/io", "read_bytes")
        report = load.run("flood", "-n", 500, "-c", 4)
        read = number_in(f"/proc/{load.pid}/io", "read_bytes") - before
        return judge_impossible(report, read, os.path.getsize(options.flood))


def scenario_storm(options):
    with daemon_for(options) as daemon:
        load = Load(options, daemon)
        load.run("urgent", "-n", 20, "-c", 4)
        storm = ["-c", 50, "--connections", 4, "-z", "200ms",
                 "--duration-stop", "close"]
        descriptors = f"/proc/{load.pid}/fd"
        reports = []
        # What buffers take in the first half, they keep.
        for calls in (options.storm_calls / 2, options.storm_calls):
            before = proc(load.pid, "VmRSS"), len(os.listdir(descriptors))
            while sum(r["count"] for r in reports) < calls:
                reports.append(load.run("flood", *storm))
        answered = figures(load.run("urgent", "-n", 1, "-c", 1))[0]
        return judge_storm(reports, answered.get("OK") == 1,
                           proc(load.pid, "VmRSS") - before[0],
                           len(os.listdir(descriptors)) - before[1])


SCENARIOS = {"urgent": scenario_urgent, "ramp": scenario_ramp,
             "impossible": scenario_impossible, "storm": scenario_storm}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--ghz", required=True)
    parser.add_argument("--urgent", required=True)
    parser.add_argument("--flood", required=True)
    parser.add_argument("--input", default="image")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--realtime", default="best_effort")
    parser.add_argument("--weight-budget", default="24MiB")
    # Profiles in it, of `layerctl bench`, are what admission predicts by.
    parser.add_argument("--cache")
    parser.add_argument("--slack-ms", type=float, default=5)
    parser.add_argument("--longest-part-ms", type=float, default=2.5)
    parser.add_argument("--storm-calls", type=int, default=100_000)
    options = parser.parse_args()
    shut = 0
    for name in options.scenarios or SCENARIOS:
        for what, well, words in SCENARIOS[name](options):
            print(f"| {name} | {what} | {'yes' if well else '**no**'} | {words} |",
                  flush=True)
            shut += not well
    return 1 if shut else 0


if __name__ == "__main__":
    sys.exit(main())
