"""Load scenarios by ghz, a client that is not ours, with a gate on its JSON.

    deploy/ghz/scenarios.py --ghz GHZ --urgent MODEL.onnx --flood MODEL.onnx
        [--seconds N] [--threads N] [--realtime MODE] [--cache FOLDER]
        [SCENARIO...]

Both models take one picture, 1x3x224x224. Each scenario starts a layerd of its
own. Standard library only. Exits 1 if a gate is shut.

    urgent     30 requests a second beside a flood of best effort: no deadline
               missed, p99 near what it is alone, the flood goes on. Alone, and
               beside as many requests that are not computed, both before the
               flood and after it
    ramp       more and more requests with deadlines: the knee is refusals, with
               the right codes, and no hang
    impossible deadlines below what is possible: all refused, hardly a read
    overload   four times what the flood's class can answer: refused at once,
               memory bounded, the urgent class as ever
    storm      calls that are cancelled in flight: nothing is left behind, the
               next request is answered
    idle       nobody asks: hardly a wake-up, not a read
"""

import argparse
import ctypes
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(os.path.realpath(__file__)).parents[2]
sys.path[:0] = [str(ROOT / "deploy" / "ghz"), str(ROOT / "test" / "e2e")]

from judges import (answered, calmest, figures, goodput, judge_blocking,
                    judge_idle, judge_impossible, judge_overload,
                    judge_preemption, judge_queueing, judge_ramp, judge_reads,
                    judge_storm, judge_urgent, merged, preemption_costs_us,
                    stalls_of)
from machine import Machine
from stages import Timeline, client_pauses, drive_stalls, stages_of

SIDE = 224
PACED = ("--async", "--rps", 30, "-c", 8, "--connections", 2,
         "--duration-stop", "wait", "-t", "10s")


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


# Above the loader and below cyclictest.
MEASURING_PRIORITY = 70
# ghz collects garbage every 73 pictures, for 7 ms: every p99 would be that. Half
# a minute of overload takes 1.2 GB; at the limit it stands for 20 ms and more.
WITHOUT_PAUSES = {"GOGC": "off", "GOMEMLIMIT": "2GiB"}
# Else it tells of each, so that a late call can be told with them.
TELLING_PAUSES = {"GODEBUG": "gctrace=1"}


def become_client():
    """As clients on machines of their own: where load comes in, on the CPU that
    layerd leaves to gRPC, and none waits until another's slice of milliseconds
    is over (a slice of 0.1 ms, Linux 6.12 or newer)."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sched_setattr = {"x86_64": 314, "aarch64": 274}.get(os.uname().machine)
    if sched_setattr:
        attributes = struct.pack("=IIQiIQQQ", 48, 0, 0, os.nice(0), 0, 100_000,
                                 0, 0)
        ctypes.CDLL(None).syscall(sched_setattr, 0, attributes, 0)


# Of the urgent class, as layerd's threads that answer it: on a machine of its
# own the floods' clients would not take its CPU.
URGENT_NICE = -10


def become_urgent_client():
    try:
        os.nice(URGENT_NICE)
    except PermissionError:
        print("the urgent client is as nice as the others: its times are those "
              "of its share of the CPU too", file=sys.stderr)
    become_client()


def become_measuring_client():
    """One whose times are told of short runs: on a machine of its own, neither
    layerd's loader nor other clients would take its CPU from it. So it has it
    first. Not for long runs: what pauses the client would pause the loader."""
    become_client()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO,
                              os.sched_param(MEASURING_PRIORITY))
    except PermissionError:
        print("a client has no real-time priority: its times are those of its "
              "CPU too", file=sys.stderr)


# Until the clients of a flood have started, which takes a CPU.
SETTLED_S = 1


class Load:
    def __init__(self, options, daemon):
        self.options, self.address = options, daemon.address
        self.pid = daemon.process.pid
        self.folder = tempfile.TemporaryDirectory()

    def start(self, model, *flags, measuring=False):
        folder = pathlib.Path(self.folder.name)
        data = folder / f"{model}.bin"
        data.write_bytes(picture_request(model, self.options.input))
        report = folder / f"{time.monotonic_ns()}.json"
        env = WITHOUT_PAUSES if measuring else TELLING_PAUSES
        errors = open(report.with_suffix(".err"), "w+")
        child = subprocess.Popen(
            [self.options.ghz, "--insecure", "-i", ROOT / "proto", "--proto",
             ROOT / "proto" / "open_inference.proto", "--call",
             "inference.GRPCInferenceService/ModelInfer", "-B", data, "-O",
             "json", "-o", report, *map(str, flags), self.address],
            env=os.environ | env, stderr=errors,
            preexec_fn=become_measuring_client if measuring
            else become_urgent_client if model == "urgent" else become_client)
        return child, report, errors, time.time()

    def run(self, model, *flags):
        return self.end(self.start(model, *flags))

    def measure(self, model, *flags):
        return self.end(self.start(model, *flags, measuring=True))

    def end(self, started):
        """ghz's report, and the pauses of the client itself."""
        child, report, errors, since = started
        child.wait()
        with errors:
            errors.seek(0)
            said = errors.read()
        for line in said.splitlines():
            if not line.startswith("gc "):
                print(line, file=sys.stderr)
        return (json.loads(report.read_text()) |
                {"pauses": client_pauses(said, since)})


def proc(pid, key):
    with open(f"/proc/{pid}/status") as lines:
        for line in lines:
            if line.startswith(key + ":"):
                return 1024 * int(line.split()[1])
    return 0


def daemon_for(options, **configs):
    from layerd import Daemon
    models = {"urgent": options.urgent}
    for number, path in enumerate(options.flood):
        models["flood" + (str(number + 1) if number else "")] = path
    return Daemon(models, "--weight-budget", options.weight_budget,
                  "--threads", options.threads, "--realtime", options.realtime,
                  *(["--cache", options.cache] if options.cache else []),
                  configs=configs, patience_s=300)


# That cyclictest keeps, of one CPU: 1024 unless told, in its first minutes.
SPIKES_MAX = 1_000_000


class Stalls:
    """What cyclictest sees on the CPU that layerd's executor computes on and on
    that where requests come in, above them both: when the machine itself was
    away."""

    def __init__(self, seconds):
        self.children = []
        cpus = os.sched_getaffinity(0)
        try:
            for cpu in sorted({min(cpus), max(cpus)}):
                self.children.append(subprocess.Popen(
                    ["cyclictest", "-q", "-a", str(cpu), "-t", "1", "-p", "90",
                     "-i", "1000", "--spike=300",
                     f"--spike-nodes={SPIKES_MAX}", "-D", str(seconds)],
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    text=True))
        except FileNotFoundError:
            print("no cyclictest (rt-tests): every miss counts",
                  file=sys.stderr)

    def end(self):
        """Of 0.3 ms or longer, by their begin."""
        offset = time.time() - time.monotonic()
        return sorted((begin + offset, end + offset)
                      for child in self.children
                      for begin, end in stalls_of(child.communicate()[0]))


def published_blocking_ms(daemon):
    """Of the models below the most urgent level, the longest."""
    from layerd import layerctl
    plan = json.loads(layerctl("budget", "--json", "--address",
                               daemon.address).out)
    return max(model["blocking_us"] for model in plan["models"]
               if model["level"] > 1) / 1e3


class Undisturbed:
    """The urgent class when nobody computes but for it: all alone, and `crowded`
    by as many other requests as the floods send, for a model that there is
    not. Of its looks the calmest counts."""

    def __init__(self, load, seconds, rates):
        self.load, self.seconds, self.rates = load, seconds, rates
        self.reports, self.stages_alone, self.stages_crowded = [], [], []

    def look(self):
        self.reports.append(self._run(self.stages_alone))
        crowd = [self.load.start(
            "nobody", "--async", "--rps", max(1, round(rate)), "-c", 2,
            "--duration-stop", "wait", "-z", f"{self.seconds}s")
            for rate in self.rates]
        self._run(self.stages_crowded)
        for started in crowd:
            self.load.end(started)

    def _run(self, stages):
        with Timeline(self.load.address) as timeline:
            report = self.load.run("urgent", *PACED, "-z", f"{self.seconds}s")
        stages.append(stages_of(report, timeline.requests("urgent")))
        return report

    def report(self):
        return calmest(self.reports, answered)

    @staticmethod
    def stages(looks):
        return calmest(looks, lambda look: [s.queued_ms for s in look])


def scenario_urgent(options):
    floods = ["flood" + (str(n + 1) if n else "")
              for n in range(len(options.flood))]
    configs = {name: "priority: 4\n" for name in floods}
    with daemon_for(options, urgent="priority: 1\n", **configs) as daemon:
        load = Load(options, daemon)
        look_s = max(5, min(50, options.seconds // 4) // 2)
        flooding = ["-c", 2, "--duration-stop", "wait", "-t", "60s"]
        load.run("urgent", "-n", 30, "-c", 1)
        for name in floods:
            load.run(name, "-n", 4, "-c", 1)
        with Timeline(load.address) as solo:
            solos = [load.start(name, *flooding, "-z", f"{look_s}s")
                     for name in floods]
            solos = [load.end(started) for started in solos]
        undisturbed = Undisturbed(load, look_s, [goodput(r) for r in solos])
        undisturbed.look()
        stalls = Stalls(options.seconds + SETTLED_S)
        with Timeline(load.address, options.trace) as full, \
                Machine(load.pid, min(os.sched_getaffinity(0))) as machine:
            started = [load.start(name, *flooding, "-z",
                                  f"{options.seconds + SETTLED_S}s")
                       for name in floods]
            time.sleep(SETTLED_S)
            beside = load.run("urgent", *PACED, "-z", f"{options.seconds}s")
        stages = stages_of(beside, full.requests("urgent"),
                           full.slow() + beside["pauses"])
        flooded = [load.end(flood) for flood in started]
        stalls = stalls.end()
        undisturbed.look()
        rows = judge_preemption(preemption_costs_us(full.last))
        rows += judge_queueing(undisturbed.stages(undisturbed.stages_alone),
                               undisturbed.stages(undisturbed.stages_crowded),
                               stages)
        rows += judge_blocking(stages, published_blocking_ms(daemon), stalls)
        rows += judge_reads([solo.read_kib(name) for name in floods],
                            [full.read_kib(name) for name in floods],
                            sum(map(full.preemptions, floods)))
        return rows + judge_urgent(
            undisturbed.report(), beside, solos, flooded,
            options.longest_part_ms, options.slack_ms,
            [(begin, end) for begin, end in stalls if end - begin >= 1e-3],
            stages, drive_stalls(full.slow()), machine)


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
        return judge_impossible(report, read, os.path.getsize(options.flood[0]))


def scenario_overload(options):
    from layerd import layerctl
    with daemon_for(options, urgent="priority: 1\n",
                    flood="priority: 4\ndeadline_ms: 1000\n") as daemon:
        load = Load(options, daemon)
        third = max(6, options.seconds // 3)
        load.run("urgent", "-n", 30, "-c", 1)
        load.run("flood", "-n", 4, "-c", 1)
        alone = load.run("urgent", *PACED, "-z", f"{third}s")
        computing = ["-c", 2, "--duration-stop", "wait"]
        can = goodput(load.run("flood", *computing, "-z", f"{third}s"))
        asked = ["--async", "--rps", max(4, round(4 * can)), "-c", 32,
                 "--duration-stop", "wait"]
        # The same client at the same pace for as long: with nothing beside it,
        # and while layerd computes.
        half = f"{options.seconds // 2}s"
        echoes, busy_echoes, overloads = [], [], []
        for _ in range(2):
            echoes.append(load.measure("nobody", *asked, "-z", half))
            busy = load.start("flood", *computing, "-z", half)
            busy_echoes.append(load.measure("nobody", *asked, "-z", half))
            load.end(busy)
            overloads.append(load.measure("flood", *asked, "-z", half))
        started = load.start("flood", *asked, "-z", f"{options.seconds}s")
        urgent = load.run("urgent", *PACED, "-z", f"{options.seconds}s")
        beside = load.end(started)
        plan = json.loads(layerctl("budget", "--json", "--address",
                                   daemon.address).out)
        allowed = (plan["base_bytes"] + plan["total_bytes"] +
                   options.request_bytes)
        peak = (proc(load.pid, "VmHWM") + proc(load.pid, "HugetlbPages"))
        return judge_overload(merged(echoes), merged(busy_echoes),
                              merged(overloads), beside, alone, urgent, peak,
                              allowed)


def wakeups_of(pid):
    count = 0
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if "ctxt_switches" in line:
                count += int(line.split()[1])
    return count


def scenario_idle(options):
    from layerd import number_in
    with daemon_for(options, urgent="priority: 1\n",
                    flood="priority: 4\n") as daemon:
        load = Load(options, daemon)
        for model in ("urgent", "flood"):
            load.run(model, "-n", 4, "-c", 1)
        read = lambda: number_in(f"/proc/{load.pid}/io", "read_bytes")
        before, patience = -1, 30
        while read() != before and patience > 0:  # Rings fill.
            before, patience = read(), patience - 1
            time.sleep(2)
        woken, begun = wakeups_of(load.pid), time.monotonic()
        time.sleep(10)
        return judge_idle((wakeups_of(load.pid) - woken) /
                          (time.monotonic() - begun), read() - before)


# With a sanitizer in layerd, what it found fails the scenario at its end.
def scenario_storm(options):
    from layerd import is_instrumented
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
                           len(os.listdir(descriptors)) - before[1],
                           is_instrumented())


class Taken:
    """What a virtual machine's host takes of the CPUs that it gave us: it slows
    whoever is on them, and no cyclictest sees all of it."""

    def __init__(self):
        self.before = self._ticks()

    @staticmethod
    def _ticks():
        """By CPU: (all, stolen)."""
        with open("/proc/stat") as lines:
            rows = [line.split() for line in lines]
        return {row[0]: (sum(map(int, row[1:9])), int(row[8])) for row in rows
                if row[0].startswith("cpu") and row[0] != "cpu"}

    def __str__(self):
        shares = []
        for cpu, (everything, stolen) in self._ticks().items():
            all_before, stolen_before = self.before.get(cpu, (0, 0))
            share = ((stolen - stolen_before) /
                     max(1, everything - all_before))
            shares.append(f"{cpu} {100 * share:.1f} %")
        return ", ".join(shares)


SCENARIOS = {"urgent": scenario_urgent, "ramp": scenario_ramp,
             "impossible": scenario_impossible,
             "overload": scenario_overload, "storm": scenario_storm,
             "idle": scenario_idle}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--ghz", required=True)
    parser.add_argument("--urgent", required=True)
    parser.add_argument("--flood", required=True, action="append",
                        help="repeats; the others take the first")
    parser.add_argument("--trace", help="of the scenario urgent, at its end")
    parser.add_argument("--input", default="image")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--realtime", default="best_effort")
    parser.add_argument("--weight-budget", default="24MiB")
    # Profiles in it, of `layerctl bench`, are what admission predicts by.
    parser.add_argument("--cache")
    parser.add_argument("--slack-ms", type=float, default=5)
    parser.add_argument("--longest-part-ms", type=float, default=2.5)
    parser.add_argument("--request-bytes", type=int, default=16 << 20,
                        help="memory.requests of the daemon")
    parser.add_argument("--storm-calls", type=int, default=100_000)
    options = parser.parse_args()
    shut = 0
    for name in options.scenarios or SCENARIOS:
        taken = Taken()
        for what, well, words in SCENARIOS[name](options):
            print(f"| {name} | {what} | {'yes' if well else '**no**'} | {words} |",
                  flush=True)
            shut += not well
        print(f"| {name} | the host took meanwhile | | {taken} |", flush=True)
    return 1 if shut else 0


if __name__ == "__main__":
    sys.exit(main())
