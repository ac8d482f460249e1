"""Where the time of a call goes: ghz's begin and end of it, and between them
what layerd's trace has. Standard library only.

    call --to_us--> received --checked--> queued --> begun --> answered
         --> sent --> end

From begun to answered a job computes, waits for the drive (while lower jobs may
compute) or has lost its CPU.
"""

import bisect
import dataclasses
import json
import os
import pathlib
import re
import tempfile
import threading
import time

from judges import DRIVE_STALL_MS, span_of

KINDS = ("received", "queued", "job", "sent")
DETAILS = ("computed", "taken")  # Of the time from begun to answered.
WORK = ("part", "wait", "read")
SLOW_MS = 2  # What the daemon keeps for long (trace_buffer.h).


@dataclasses.dataclass
class Stages:
    """Of one call; ms."""
    span: tuple  # (begin, end), seconds since the epoch.
    to_us_ms: float  # Until the whole request has come in.
    checked_ms: float  # From there until its job is queued.
    begun_ms: float  # From there.
    served_ms: float
    sent_ms: float
    back_ms: float  # From there until the client has the answer.
    computed_ms: float = 0  # Of served_ms, like:
    waited_ms: float = 0
    taken_ms: float = 0
    slow: tuple = ()  # (what, begin, end) of work meanwhile; seconds.

    @property
    def queued_ms(self):
        return self.to_us_ms + self.checked_ms

    def __str__(self):
        return (f"{1e3 * (self.span[1] - self.span[0]):.1f} ms: "
                f"{self.to_us_ms:.1f} until received, {self.checked_ms:.1f} "
                f"until queued, {self.begun_ms:.1f} until begun, "
                f"{self.served_ms:.1f} until answered (computed "
                f"{self.computed_ms:.1f}, waited {self.waited_ms:.1f}, CPU taken "
                f"away {self.taken_ms:.1f}), {self.sent_ms:.1f} until sent, "
                f"{self.back_ms:.1f} until back; slow meanwhile: " +
                (", ".join(f"{what} of {1e3 * (end - begin):.1f} ms at "
                           f"{1e3 * (begin - self.span[0]):.1f}"
                           for what, begin, end in self.slow) or "nothing"))


def stages_of(report, requests, slow=()):
    """Of the calls of a ghz report that are found among `requests`: (arrival in
    seconds since the epoch, {kind: ms since then}), by arrival. Calls arrive in
    the order in which they begin, each once: several may be on their way when
    the first of them comes. `slow`: work, as in Stages."""
    arrivals = [arrival for arrival, _ in requests]
    found, unmet = [], 0
    for begin, end in sorted(map(span_of, report.get("details") or [])):
        at = max(unmet, bisect.bisect_left(arrivals, begin))
        if at == len(requests) or arrivals[at] > end:
            continue
        unmet = at + 1
        ms = requests[at][1]
        to_us = 1e3 * (arrivals[at] - begin)
        found.append(Stages(
            (begin, end), to_us, ms["received"],
            ms["queued"] - ms["received"], ms["job"] - ms["queued"],
            ms["sent"] - ms["job"], 1e3 * (end - begin) - to_us - ms["sent"],
            ms.get("computed", 0), ms.get("waited", 0), ms.get("taken", 0),
            tuple(work for work in slow if work[1] < end and work[2] > begin)))
    return found


def client_pauses(gctrace, since):
    """As slow work: when a client that began at `since` collected garbage, by
    what Go's runtime wrote of it. It takes the client's CPU meanwhile."""
    pauses = []
    for at, clocks in re.findall(r"^gc \d+ @([\d.]+)s .*?: ([\d.+]+) ms clock",
                                 gctrace, re.M):
        begin = since + float(at)
        took_ms = sum(map(float, clocks.split("+")))
        pauses.append(("client's garbage collection", begin,
                       begin + took_ms / 1e3))
    return pauses


def drive_stalls(slow):
    """The reads among slow work that took DRIVE_STALL_MS: what layerd has asked
    for at once takes the drive half of that."""
    return [(begin, end) for what, begin, end in slow
            if what == "read" and end - begin >= DRIVE_STALL_MS / 1e3]


class Timeline:
    """Collects the trace of a running layerd until the end of a `with`: requests
    of the whole time, parts and reads of the last seconds (`last`)."""

    def __init__(self, address, path=None, every_s=20):
        self.address, self.path, self.every_s = address, path, every_s
        self.jobs, self.last, self.over = {}, [], threading.Event()
        self.slow_work = {}
        self.since = time.monotonic()
        self.offset = time.time() - time.monotonic()
        self.thread = threading.Thread(target=self._collect)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self._look()

    def _collect(self):
        # Of this thread, and what it starts: not to be in the way, and never on
        # the executor's CPU.
        os.nice(19)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        while not self.over.wait(self.every_s):
            self._look()

    def _look(self):
        from layerd import layerctl
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(self.path or folder + "/trace.json")
            layerctl("trace", "-o", path, "--address", self.address)
            self.last = json.loads(path.read_text())["traceEvents"]
        for event in self.last:
            if event.get("ts", 0) < 1e6 * self.since:
                continue
            if event.get("cat") in WORK and event["dur"] >= 1e3 * SLOW_MS:
                self.slow_work[event["name"], event["ts"]] = event["dur"]
            if event.get("cat") not in KINDS + DETAILS:
                continue
            job = self.jobs.setdefault(event["args"]["job"], {})
            job[event["cat"]] = event

    def requests(self, model):
        """As stages_of() takes them."""
        return sorted(
            ((job["job"]["ts"] / 1e6 + self.offset,
              {kind: job[kind]["dur"] / 1e3 for kind in job} |
              {"waited": job["computed"]["args"]["waited_us"] / 1e3})
             for job in self.jobs.values()
             if job.keys() >= {*KINDS, "computed"} and
             job["job"]["name"] == f"{model} job"), key=lambda r: r[0])

    def slow(self):
        """[(what, begin, end)] of work that took SLOW_MS or longer, by its begin,
        in seconds since the epoch."""
        return sorted(((name, ts / 1e6 + self.offset,
                        (ts + dur) / 1e6 + self.offset)
                       for (name, ts), dur in self.slow_work.items()),
                      key=lambda work: work[1])

    def read_kib(self, model):
        """Of each job that was answered."""
        return [job["sent"]["args"]["read_kib"] for job in self.jobs.values()
                if "sent" in job and job["sent"]["name"] == f"{model} sent" and
                job.get("job", {}).get("args", {}).get("status") == "OK"]

    def preemptions(self, model):
        return sum(event["name"] == f"{model} preempted" for event in self.last)
