"""What the machine did while a call was late: evidence for its row, no excuse.

cyclictest sees a CPU that is away, and no CPU that is slow. Here a fixed
calculation and a fixed piece of memory are timed a hundred times a second on the
CPU that layerd's executor has, above it; and beside that what the kernel counts:
time stolen by the host, time the executor waited for its CPU, its page faults.
Standard library only.

    machine.py CPU    looks at that CPU until its standard input ends
"""

import json
import os
import pathlib
import select
import subprocess
import sys
import threading
import time

LOOK_EVERY_S, COUNT_EVERY_S = 0.01, 0.05
PRIORITY = 80  # Above the executor and measuring clients, below cyclictest.
SLOW = 1.5  # Times its median: the machine is slow.
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")

# 40 us in registers and the first cache; 64 KiB out of more than any cache: of
# 256 KiB a look took a millisecond while memory was slow, from the executor.
MODULUS = (1 << 521) - 1
EXPONENT = (1 << 160) - 7
MEMORY_BYTES, PIECE_BYTES = 128 << 20, 64 << 10


def look_at(cpu):
    """Prints [[seconds since the epoch, us of calculation, us of memory]]."""
    os.sched_setaffinity(0, {cpu})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        print("the machine is looked at without priority: executors disturb the "
              "looks", file=sys.stderr)
    memory, at, looks = b"\1" * MEMORY_BYTES, 0, []
    over = False
    while not over:
        begun = time.perf_counter_ns()
        pow(3, EXPONENT, MODULUS)
        calculated = time.perf_counter_ns()
        memory.find(b"\2", at, at + PIECE_BYTES)
        read = time.perf_counter_ns()
        at = (at + PIECE_BYTES) % MEMORY_BYTES
        looks.append((round(time.time(), 6), (calculated - begun) / 1e3,
                      (read - calculated) / 1e3))
        over = bool(select.select([sys.stdin], [], [], LOOK_EVERY_S)[0])
    json.dump(looks, sys.stdout)


def median(values):
    values = sorted(values)
    return values[len(values) // 2] if values else 0


def thread_named(pid, name):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return task
    return None


def counted(cpu, task):
    """(ms stolen from the CPU, ms the thread waited for a CPU, its page faults,
    those of them that read from a drive), since the start."""
    with open("/proc/stat") as lines:
        stolen = next((int(line.split()[8]) for line in lines
                       if line.startswith(f"cpu{cpu} ")), 0)
    waited_ns = int((task / "schedstat").read_text().split()[1])
    fields = (task / "stat").read_text().rpartition(")")[2].split()
    return stolen * TICK_MS, waited_ns / 1e6, int(fields[7]), int(fields[9])


class Machine:
    """Looks until the end of a `with`; then meanwhile() tells of any time in
    it. `pid` is layerd's."""

    def __init__(self, pid, cpu):
        self.cpu, self.task = cpu, thread_named(pid, "layerd-executor")
        self.looks, self.counts = [], []
        self.over = threading.Event()

    def __enter__(self):
        self.child = subprocess.Popen(
            [sys.executable, "-B", os.path.realpath(__file__), str(self.cpu)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._count)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        told, _ = self.child.communicate()
        self.looks = json.loads(told or "[]")

    def _count(self):
        os.nice(19)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        while self.task and not self.over.wait(COUNT_EVERY_S):
            self.counts.append((time.time(), *counted(self.cpu, self.task)))

    def slowness(self, span):
        """Of calculation and memory, times their medians of the whole time: the
        medians meanwhile. None if nobody looked."""
        inside = [look for look in self.looks if span[0] <= look[0] <= span[1]]
        if not inside:
            return None
        return tuple(median([look[i] for look in inside]) /
                     median([look[i] for look in self.looks]) for i in (1, 2))

    def was_slow(self, span):
        slowness = self.slowness(span)
        return slowness is not None and max(slowness) >= SLOW

    def meanwhile(self, span):
        """In words, between the counts around the span."""
        slowness = self.slowness(span)
        words = ("not looked at" if slowness is None else
                 "a fixed calculation took {:.2f} and memory {:.2f} times its "
                 "median".format(*slowness))
        before = [count for count in self.counts if count[0] <= span[0]]
        after = [count for count in self.counts if count[0] >= span[1]]
        if before and after:
            stolen, waited, faults, major = (
                b - a for a, b in zip(before[-1][1:], after[0][1:]))
            words += (f", {stolen:.0f} ms stolen by the host, {waited:.1f} ms "
                      f"waited for the CPU, {faults} page faults, {major} from "
                      f"the drive")
        return f"the machine meanwhile: {words}"


if __name__ == "__main__":
    look_at(int(sys.argv[1]))
