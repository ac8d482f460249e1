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
CHANGES = 4  # Of sides, each way, that are looked at one by one.
ROUNDED = 1e-9  # Periods.
# For so long a level that goes by deadline is looked at.
BUSY_PERIODS, BUSY_PERIODS_BY_PATHS = 16, 4
JOBS_BY_PATHS = 64  # In a window: the paths of more are not looked at.


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
    gates = room_gates(reads, parts, ring)
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


def room_gates(reads, parts, ring):
    """For each read the part whose end makes room for it, or None."""
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
    return gates


def with_lookups(lookups, reads, parts, ring, rate, each_turn, each_tile):
    """The parts, of which some take as long as the rows that they look up in a
    table are on their way, behind all that the ring had room for before."""
    gates = room_gates(reads, parts, ring)
    parts = [list(part) for part in parts]
    for part, turns, tiles, size in lookups:
        parts[part][1] += turns * each_turn + tiles * each_tile + size / rate
        begun = sum(1 for gate in gates if gate is None or gate < part)
        if begun:
            parts[part][0] = begun - 1
    return parts


def bytes_of(table):
    return sum(table["reads_bytes"]) + sum(size for *_, size in table["lookups"])


def most_by_changes(seconds, parts, gates, back, to_drive, to_processor):
    """{(changes to the drive, to the processor): the most that a job costs a
    path that changes sides so often while the job is on}. The path goes from a
    part to the read that waited for its room, and from read i to part back[i]."""
    most = {}

    def walk(at, each):
        moved = [-math.inf] * len(at)
        for i, step in enumerate(each):
            moved[i + 1] = at[i] + step
            at[i + 1] = max(at[i + 1], moved[i + 1])
        return moved

    for at_drive in (True, False):
        drive = [-math.inf] * (len(seconds) + 1)
        processor = [-math.inf] * (len(parts) + 1)
        (drive if at_drive else processor)[0] = 0.0
        counts = [0, 0]
        for change in range(2 * CHANGES + 1):
            moved_drive = walk(drive, seconds)
            moved_processor = walk(processor, [s for _, s in parts])
            ends_at_drive = at_drive == (change % 2 == 0)
            end = drive[-1] if ends_at_drive else processor[-1]
            most[tuple(counts)] = max(most.get(tuple(counts), -math.inf), end)
            counts[1 if ends_at_drive else 0] += 1
            drive = [-math.inf] * len(drive)
            processor = [-math.inf] * len(processor)
            for i, gate in enumerate(gates):
                if gate is not None:
                    drive[i] = moved_processor[gate + 1] + to_drive
                processor[back[i]] = max(processor[back[i]],
                                         moved_drive[i + 1] + to_processor)
    return most


def crossed_cost(reads, parts, ring, rate, block_read, block_compute):
    """(whole, what each change to the drive adds, each to the processor)."""
    gates = room_gates(reads, parts, ring)
    seconds = [size / rate for size in reads]
    room = most_by_changes(seconds, parts, gates,
                           [0 if g is None else g + 1 for g in gates],
                           block_read, 0.0)
    first = {}
    for t, (read, _) in enumerate(parts):
        first.setdefault(read, t)
    wait = most_by_changes(seconds, parts, gates,
                           [first.get(i, 0) for i in range(len(reads))],
                           block_read, block_compute)
    most = {key: min(room[key], wait[key]) for key in room}
    whole = summed = most[0, 0]
    drive, processor = [], []
    for k in range(CHANGES):
        drive.append(max(block_read if reads else 0.0,
                         most[k + 1, k] - summed))
        processor.append(max(0.0, most[k, k + 1] - summed,
                             most[k + 1, k + 1] - summed - drive[-1]))
        summed += drive[-1] + processor[-1]
    return whole, drive, processor


def dearest(crossings, offers):
    """The sum of so many, of [(seconds, how many there are)]."""
    total = 0.0
    for seconds, count in sorted(offers, reverse=True):
        taken = min(count, crossings)
        total += taken * seconds
        crossings -= taken
    return total


def jobs_within(seconds, task):
    """That come in a time so long, its end not in it."""
    return math.ceil((seconds + task["jitter_s"]) / task["period_s"] *
                     (1 - 1e-12))


def jobs_up_to(seconds, task):
    """The same with its end in it; none if it ends before it begins."""
    periods = seconds / task["period_s"]
    if periods < -ROUNDED:
        return 0
    return 1 + math.floor(periods + task["jitter_s"] / task["period_s"] +
                          ROUNDED)


def demand_by_paths(path, crossings, urgent, response):
    levels = {}
    for other in urgent:
        jobs = jobs_within(response, other)
        whole, *changes = other["crossed"]
        path += jobs * whole
        level = levels.setdefault(other["level"], ([], [], [0.0]))
        for offers, seconds in zip(level, changes):
            offers += [(s, jobs) for s in seconds] + [(seconds[-1], crossings)]
        # Without a change to the drive there is none to be paid twice.
        paid = changes if crossings > 1 else changes[1:]
        level[2].append(other["alone_s"] - whole - sum(s[0] for s in paid))
    return path + sum(
        dearest(crossings - 1, drive) + dearest(crossings, processor) + max(begun)
        for drive, processor, begun in levels.values())


def then(first, second, begin):
    """[turns]: one path of each, one after the other."""
    both = [-math.inf] * (len(first) + len(second) - 1)
    for a, done in enumerate(first):
        for b, path in enumerate(second):
            both[a + b] = max(both[a + b], done + path - begin)
    return both


class Window:
    """A time up to the end of a job of `task` in which its level always had one
    that goes no later, opened so long before the job came: what goes before it
    at most, [(task, jobs)], if it comes before that begins, and one of `begun`,
    which had begun before the window opened."""

    def __init__(self, task, opened, others, begun):
        self.task, self.opened = task, opened
        self.others, self.begun = others, begun

    def end(self, urgent, limit, end_of):
        """When it is over; end_of(jobs, ...) is when so many are done."""
        begin = self.opened + self.task["begin_s"]
        jobs = self.before(begin)
        while jobs != [(t, most) for t, most in self.others if most > 0]:
            later = end_of(self.task, jobs, self.begun, urgent, limit)
            if later > limit:
                return later
            if later <= begin:
                break
            begin = later
            jobs = self.before(begin)
        return end_of(self.task, jobs + [(self.task, 1)], self.begun, urgent,
                      limit)

    def before(self, seconds):
        return [(task, min(most, jobs_up_to(seconds, task)))
                for task, most in self.others if most > 0]


def by_arrival(task, mates):
    return Window(task, 0.0, [(t, 1) for t in mates], [])


def any_order(task, mates):
    return Window(task, 0.0, [(t, math.inf) for t in mates], mates)


def due_by(task, mates, opened):
    due = opened + task["deadline_s"]
    others = [(task, jobs_up_to(opened, task) - 1)]
    others += [(t, jobs_up_to(due - t["deadline_s"], t)) for t in mates]
    return Window(task, opened, others,
                  [t for t in mates if t["deadline_s"] > due])


def openings(task, mates, busy):
    """Where one more job of somebody is due in time."""
    found = {0.0}
    for other in [task] + mates:
        later = other["deadline_s"] - task["deadline_s"]
        found.add(later)
        opened = later - other["jitter_s"] + other["period_s"]
        while opened <= busy:
            found.add(opened)
            opened += other["period_s"]
    return sorted(opened for opened in found if 0 <= opened <= busy)


def end_as_if_alone(task, jobs, begun, urgent, limit):
    level = max((t["alone_s"] for t in begun), default=0.0)
    level += sum(count * t["alone_s"] for t, count in jobs)
    end = level
    while True:
        later = level + sum(jobs_within(end, t) * t["alone_s"] for t in urgent)
        if later <= end or later > limit:
            return later
        end = later


def paths_of_any(tasks):
    turns = max(len(t["paths"]) for t in tasks)
    return [max(t["paths"][m] for t in tasks if m < len(t["paths"]))
            for m in range(turns)]


def end_by_paths(task, jobs, begun, urgent, limit):
    if sum(count for _, count in jobs) > JOBS_BY_PATHS:
        return math.inf
    paths = [t["paths"] for t, count in jobs for _ in range(int(count))]
    paths += [paths_of_any(begun)] if begun else []
    # The first begins after a part that had begun, of anybody.
    sums = [max([task["block_compute_s"], task["begin_s"]] +
                [t["longest_s"] for t in urgent])]
    for each in paths:
        sums = then(sums, each, task["block_compute_s"])
    worst = 0.0
    for turns, path in enumerate(sums):
        if path < 0:
            continue
        end = max(path, worst)
        while True:
            later = demand_by_paths(path, turns + len(paths), urgent, end)
            if later <= end:
                break
            end = later
            if end > limit:
                return end
        worst = max(worst, end)
    return worst


def busy_of(task, mates, urgent, periods, end_of):
    """For how long its level can be busy; infinity: not known."""
    level = [task] + mates
    longest = periods * max(t["period_s"] for t in level)
    busy = 0.0
    while True:
        jobs = [(t, max(1, jobs_within(busy, t))) for t in level]
        later = end_of(task, jobs, [], urgent, longest)
        if later > longest:
            return math.inf
        if later <= busy:
            return busy
        busy = later


def response_by_deadline(task, mates, urgent, busy, end_of, enough):
    deadline = task["deadline_s"]
    if busy == math.inf:
        return any_order(task, mates).end(urgent, deadline, end_of)
    longest = 0.0
    for opened in openings(task, mates, busy):
        limit = opened + min(deadline, enough)
        end = due_by(task, mates, opened).end(urgent, limit, end_of)
        longest = max(longest, end - opened)
        if longest > min(deadline, enough):
            break
    return longest


def response_of(task, declared, order):
    """The smaller of both bounds."""
    mates = [t for t in declared
             if t is not task and t["level"] == task["level"]]
    urgent = [t for t in declared if t["level"] < task["level"]]
    # No ring says where the path of a lookup changes sides.
    bounds = (end_as_if_alone, end_by_paths)
    if any(t["looks_up"] for t in [task] + mates + urgent):
        bounds = (end_as_if_alone,)
    if order == "fifo":
        window = by_arrival(task, mates)
        return min(window.end(urgent, task["deadline_s"], end_of)
                   for end_of in bounds)
    busy = busy_of(task, mates, urgent, BUSY_PERIODS, end_as_if_alone)
    as_if_alone = response_by_deadline(task, mates, urgent, busy,
                                       end_as_if_alone, math.inf)
    if len(bounds) == 1:
        return as_if_alone
    if busy == math.inf:
        busy = busy_of(task, mates, urgent, BUSY_PERIODS_BY_PATHS,
                       end_by_paths)
    return min(as_if_alone, response_by_deadline(task, mates, urgent, busy,
                                                 end_by_paths, as_if_alone))


def begun_before(tasks, parts_open):
    """What of these tasks is computed before somebody who comes now, at most:
    a part of anybody, or what a device was given of each level and one more."""
    longest = {}
    for t in tasks:
        longest[t["level"]] = max(longest.get(t["level"], 0.0), t["longest_s"])
    one = max(longest.values(), default=0.0)
    return one if parts_open <= 1 else one + parts_open * sum(longest.values())


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
    for task in tasks:
        task["longest_s"] = max([task["seen_part_s"]] + [
            s for _, s in tables[task["table"]]["parts"]])
    for task in tasks:
        task["begin_s"] = begun_before(
            [t for t in tasks if t["level"] != task["level"]],
            certificate["parts_open_max"])
        table = tables[task["table"]]
        lower = [t for t in tasks if t["level"] > task["level"]]
        others_read = min(certificate["inflight_low_bytes"], sum(
            bytes_of(tables[t["table"]]) for t in tasks
            if t is not task)) / rate
        lower_read = any(bytes_of(tables[t["table"]]) for t in lower)
        task["looks_up"] = bool(table["lookups"])
        joined = certificate["read_bytes_max"]
        if task["level"] > urgent:
            joined = min(joined, certificate["inflight_low_bytes"])
        expected = {
            "block_compute_s": begun_before(lower,
                                            certificate["parts_open_max"]),
            "block_read_s": others_read if lower_read else 0.0,
            "ahead_s": 0.0 if lower_read else others_read,
            "join_s": min(joined, bytes_of(table)) / rate,
        }
        ring = certificate["ring_bytes"][task["level"] - 1]
        reads, parts = table["reads_bytes"], table["parts"]
        begin = (certificate["first_read_s"] + expected["block_compute_s"] +
                 expected["ahead_s"])
        wait = expected["block_compute_s"] + expected["join_s"]
        parts = with_lookups(
            table["lookups"], reads, parts, ring, rate,
            expected["block_compute_s"] + max(expected["block_read_s"],
                                              expected["ahead_s"]),
            certificate["first_read_s"])
        expected["alone_s"] = last_finish(reads, parts, ring, rate, begin,
                                          expected["block_read_s"], wait)
        for key, value in expected.items():
            if differ(task[key], value):
                yield f"{task['name']}: {key} is {task[key]}, found {value}"
        task["paths"] = longest_paths(reads, parts, ring, rate, begin,
                                      expected["block_read_s"], wait)
        task["crossed"] = crossed_cost(reads, parts, ring, rate,
                                       expected["block_read_s"], wait)
    declared = [task for task in tasks if task["period_s"] > 0]
    least = min((t["level"] for t in tasks if t["period_s"] == 0), default=99)
    for task in declared:
        order = certificate["level_order"]
        response = response_of(task, declared, order)
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
