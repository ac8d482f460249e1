"""Is a certificate of layerd right?    check.py CERTIFICATE.json...

Does the analysis of daemon/sched/README.md again, from the tables in the
certificate, with nothing of layerd's own code. Exits 1 and says what is wrong
if a figure differs, a table is not the one that its digest names, or a task
with a period is not proved to be on time.
"""

import json
import math
import re
import sys

CLOSE = 1e-9


def digest_of(text):
    value = 14695981039346656037
    for byte in text.encode():
        value = (value ^ byte) * 1099511628211 % 2**64
    return f"{value:016x}"


def last_finish(reads, parts, ring, rate, begin, block_read, block_compute):
    """When the last part is done; rooms are linear and return oldest first."""
    starts, end = [], 0
    for size in reads:
        rest = ring - end % ring
        starts.append(end + rest if size > rest else end)
        end = starts[-1] + size
    last_user = {}
    for index, (read, _) in enumerate(parts):
        if read >= 0:
            last_user[read] = index
    finish, arrival = [], []
    drive, room_free, returned = begin + block_read, 0.0, 0
    for read, seconds in parts:
        ready = finish[-1] if finish else block_compute
        while read >= len(arrival):
            number = len(arrival)
            while starts[number] + reads[number] > starts[returned] + ring:
                room_free = max(room_free,
                                finish[last_user[returned]] + block_read)
                returned += 1
            drive = max(drive, room_free) + reads[number] / rate
            arrival.append(drive)
        if read >= 0:
            ready = max(ready, arrival[read] + block_compute)
        finish.append(ready + seconds)
    return finish[-1] if finish else 0.0


def longest_paths(reads, parts, ring, rate, begin, block_read, block_compute):
    """[turns]: the longest path through reads and parts that goes back from a
    part to the read that waited for its room so often."""
    last_user = {read: t for t, (read, _) in enumerate(parts) if read >= 0}
    starts, gates, end, returned, newest = [], [], 0, 0, None
    for size in reads:
        rest = ring - end % ring
        starts.append(end + rest if size > rest else end)
        end = starts[-1] + size
        while end > starts[returned] + ring:
            newest = max(newest or 0, last_user[returned])
            returned += 1
        gates.append(newest)
    longest, done = [], None
    while True:
        drive = begin + block_read if done is None else -math.inf
        finish = block_compute if done is None else -math.inf
        arrival, ends = [], []
        for size, gate in zip(reads, gates):
            if done is not None and gate is not None:
                drive = max(drive, done[gate] + block_read)
            drive += size / rate
            arrival.append(drive)
        for read, seconds in parts:
            if read >= 0:
                finish = max(finish, arrival[read] + block_compute)
            finish += seconds
            ends.append(finish)
        if finish == -math.inf:
            return longest
        longest.append(finish)
        done = ends


def read_then_compute(reads, parts, ring, rate):
    """The most that is read before a moment and computed after it."""
    worst = sum(seconds for _, seconds in parts)
    for k in range(1, len(reads) + 1):
        held, oldest = 0, k
        while oldest > 0 and held + reads[oldest - 1] <= ring:
            oldest -= 1
            held += reads[oldest]
        first = next((t for t, (read, _) in enumerate(parts) if read >= oldest),
                     len(parts))
        worst = max(worst, sum(reads[:k]) / rate +
                    sum(seconds for _, seconds in parts[first:]))
    return worst


def response_by_paths(task, declared):
    """The other bound, for levels that are first come, first served."""
    level = [t for t in declared if t["level"] == task["level"]]
    urgent = [t for t in declared if t["level"] < task["level"]]
    sums = [task["block_compute_s"]]
    for other in level:
        summed = [-math.inf] * (len(sums) + len(other["paths"]) - 1)
        for a, done in enumerate(sums):
            for b, path in enumerate(other["paths"]):
                summed[a + b] = max(summed[a + b],
                                    done + path - task["block_compute_s"])
        sums = summed
    worst = 0.0
    for turns, path in enumerate(sums):
        if path < 0:
            continue
        crossings, response = turns + len(level), max(path, worst)
        while True:
            demand = path
            for other in urgent:
                jobs = math.ceil((response + other["jitter_s"]) /
                                 other["period_s"] * (1 - 1e-12))
                whole = min(jobs, crossings)
                demand += (jobs * other["base"] +
                           whole * (other["alone_s"] - other["base"]) +
                           min(jobs - whole, crossings) * other["across"])
            if demand <= response:
                break
            response = demand
            if response > task["deadline_s"]:
                return response
        worst = max(worst, response)
    return worst


def response_of(task, declared, order):
    response = task["alone_s"]
    while True:
        demand, begun = task["alone_s"], 0.0
        for other in declared:
            if other is task or other["level"] > task["level"]:
                continue
            jobs = math.ceil((response + other["jitter_s"]) /
                                 other["period_s"] * (1 - 1e-12))
            if other["level"] == task["level"]:
                if order == "edf":
                    begun = max(begun, other["alone_s"])
                else:
                    jobs = 1
            demand += jobs * other["alone_s"]
        demand += begun
        if demand <= response or demand > task["deadline_s"]:
            return demand
        response = demand


def differ(a, b):
    return abs(a - b) > CLOSE * max(1.0, abs(a), abs(b))


def complaints_about(text):
    certificate = json.loads(text)
    tasks, tables = certificate["tasks"], certificate["tables"]
    for name, table in re.findall(r'^"([0-9a-f]{16})":(\{.*?\]\]?\})', text, re.M):
        if digest_of(table) != name:
            yield f"table {name}: its digest is {digest_of(table)}"
    rate = certificate["drive_bytes_per_s"]
    urgent = min(task["level"] for task in tasks)
    longest = {name: max((s for _, s in table["parts"]), default=0.0)
               for name, table in tables.items()}
    for task in tasks:
        table = tables[task["table"]]
        lower = [t for t in tasks if t["level"] > task["level"]]
        lower_bytes = sum(sum(tables[t["table"]]["reads_bytes"]) for t in lower)
        joined = certificate["read_bytes_max"]
        if task["level"] > urgent:
            joined = min(joined, certificate["inflight_low_bytes"])
        expected = {
            "block_compute_s": max((longest[t["table"]] for t in lower),
                                   default=0.0),
            "block_read_s":
                min(lower_bytes, certificate["inflight_low_bytes"]) / rate,
            "join_s": min(joined, sum(table["reads_bytes"])) / rate,
        }
        expected["alone_s"] = last_finish(
            table["reads_bytes"], table["parts"],
            certificate["ring_bytes"][task["level"] - 1], rate,
            certificate["first_read_s"] + expected["block_compute_s"],
            expected["block_read_s"],
            expected["block_compute_s"] + expected["join_s"])
        for key, value in expected.items():
            if differ(task[key], value):
                yield f"{task['name']}: {key} is {task[key]}, found {value}"
        ring = certificate["ring_bytes"][task["level"] - 1]
        reads, parts = table["reads_bytes"], table["parts"]
        task["paths"] = longest_paths(
            reads, parts, ring, rate,
            certificate["first_read_s"] + expected["block_compute_s"],
            expected["block_read_s"],
            expected["block_compute_s"] + expected["join_s"])
        task["base"] = max(sum(seconds for _, seconds in parts),
                           sum(reads) / rate)
        task["across"] = max(0.0, min(
            task["alone_s"], read_then_compute(reads, parts, ring, rate)) -
            task["base"])
    declared = [task for task in tasks if task["period_s"] > 0]
    least = min((t["level"] for t in tasks if t["period_s"] == 0), default=99)
    for task in declared:
        response = response_of(task, declared, certificate["level_order"])
        if certificate["level_order"] == "fifo":
            response = min(response, response_by_paths(task, declared))
        if differ(task["response_s"], response):
            yield (f"{task['name']}: response_s is {task['response_s']}, "
                   f"found {response}")
        if (response > min(task["deadline_s"],
                           task["period_s"] - task["jitter_s"]) or
                task["deadline_s"] > task["period_s"]):
            yield f"{task['name']}: is not on time"
        if task["level"] >= least:
            yield f"{task['name']}: is not above work of any rate"


def main():
    wrong = 0
    for path in sys.argv[1:]:
        with open(path) as file:
            found = list(complaints_about(file.read()))
        for complaint in found:
            print(f"{path}: {complaint}")
        wrong += bool(found)
    if not wrong:
        print(f"{len(sys.argv) - 1} certificates hold")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
