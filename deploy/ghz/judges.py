"""The gates of the load scenarios: what ghz, cyclictest and the daemon's trace
say, and whether that is well.

A judge gives rows, (what, well, words). Standard library only.
"""

import datetime
import re

OVER = {"ResourceExhausted", "DeadlineExceeded"}
DRIVE_STALL_MS = 5


# --- What ghz says ------------------------------------------------------------


def figures(report):
    """Counts by code, and latencies in ms of those that were answered."""
    codes = report.get("statusCodeDistribution") or {}
    latency = {entry["percentage"]: entry["latency"] / 1e6
               for entry in report.get("latencyDistribution") or []}
    return codes, latency


def merged(reports):
    """One report of runs that followed each other."""
    codes = {}
    for report in reports:
        for code, count in figures(report)[0].items():
            codes[code] = codes.get(code, 0) + count
    count = sum(report["count"] for report in reports)
    seconds = sum(report["count"] / report["rps"] for report in reports
                  if report["rps"])
    return {"statusCodeDistribution": codes, "count": count,
            "rps": count / seconds if seconds else 0,
            "details": [detail for report in reports
                        for detail in report.get("details") or []]}


def percentile(values, percent):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * percent / 100))]


def calmest(looks, values):
    """Of looks at the same, the one with the least p99 of `values`: what has
    disturbed another is no measure of what undisturbed calls take."""
    seen = [look for look in looks if values(look)]
    return min(seen, key=lambda look: percentile(values(look), 99),
               default=looks[0])


def answered(report):
    """Latencies in ms of what was answered, one each."""
    return [d["latency"] / 1e6 for d in report.get("details") or []
            if d["status"] == "OK"]


def span_of(detail):
    """(begin, end) of a call in seconds since the epoch: ghz's timestamp is its
    end."""
    end = datetime.datetime.fromisoformat(
        re.sub(r"(\.\d{6})\d*", r"\1", detail["timestamp"])
        .replace("Z", "+00:00")).timestamp()
    return end - detail["latency"] / 1e9, end


def late_calls(report, deadline_ms):
    """Spans of calls that were late or not answered."""
    return [span_of(detail) for detail in report.get("details") or []
            if detail["status"] != "OK" or
            detail["latency"] / 1e6 > deadline_ms]


def goodput(report):
    ok = figures(report)[0].get("OK", 0)
    return report["rps"] * ok / max(1, report["count"])


def stalls_of(cyclictest_text):
    """[(begin, end)] in seconds of CLOCK_MONOTONIC, that cyclictest woke late.
    It forgets those that it has no room for, and counts them."""
    stalls = [((int(ts) - int(late)) / 1e6, int(ts) / 1e6)
              for late, ts in re.findall(r"Spike:\s*(\d+): TS:\s*(\d+)",
                                         cyclictest_text)]
    counted = re.search(r"spikes = (\d+)", cyclictest_text)
    if counted and int(counted[1]) != len(stalls):
        raise ValueError(f"cyclictest has forgotten stalls: it tells of "
                         f"{len(stalls)} of {counted[1]}")
    return stalls


def outside(late, stalls, slack_s=0.002):
    """Those of `late` that no stall touches."""
    return [(begin, end) for begin, end in late
            if not any(b - slack_s < end and begin < e + slack_s
                       for b, e in stalls)]


def turns(stages):
    """[(queued, begun, answered, stage)] in seconds, in the order of their
    begin: those of one level follow each other."""
    found = []
    for stage in stages:
        queued = stage.span[0] + 1e-3 * stage.queued_ms
        begun = queued + 1e-3 * stage.begun_ms
        found.append((queued, begun, begun + 1e-3 * stage.served_ms, stage))
    return sorted(found, key=lambda turn: turn[1])


def behind_stalled(stages, stalls, drive_stalls, deadline_ms):
    """Calls that are late only because of the time for which the one before them
    was still on, where that one stood in a stall, of the machine or of the
    drive, or was kept by such a one itself."""
    behind, stalled, free = set(), False, 0
    for queued, _, answered, stage in turns(stages):
        kept = stalled and free > queued
        took_ms = 1e3 * (stage.span[1] - stage.span[0])
        if kept and deadline_ms < took_ms <= deadline_ms + 1e3 * (free - queued):
            behind.add(stage.span)
        on = [(queued, answered)]
        stalled = (kept or not outside(on, stalls) or
                   stage.waited_ms >= DRIVE_STALL_MS and
                   not outside(on, drive_stalls, 0))
        free = answered
    return behind


def judge_urgent(alone, beside, solos, floods, longest_part_ms, slack_ms,
                 stalls, stages=(), drive_stalls=(), machine=None):
    """Of the urgent class beside floods. `stalls`: (begin, end) in seconds since
    the epoch; `stages` of its calls (stages.py). A stall of the drive excuses a
    call only if its job waited for the drive at least as long as it was late.
    What the `machine` did meanwhile (machine.py) is told of those that nothing
    excuses, and excuses none."""
    ms, ms_alone = answered(beside), answered(alone)
    if not ms or not ms_alone:
        return [("urgent requests are answered", False, f"{figures(beside)[0]}")]
    p99, p99_alone = percentile(ms, 99), percentile(ms_alone, 99)
    late = late_calls(beside, p99_alone + slack_ms)
    unexcused = outside(late, stalls)
    waited = {stage.span: stage.waited_ms / 1e3 for stage in stages}
    by_drive = [call for call in unexcused
                if not outside([call], drive_stalls, 0) and
                waited.get(call, 0) >= call[1] - call[0] -
                (p99_alone + slack_ms) / 1e3]
    unexcused = [call for call in unexcused if call not in by_drive]
    behind = behind_stalled(stages, stalls, drive_stalls,
                            p99_alone + slack_ms).intersection(unexcused)
    allowed = p99_alone + 2 * longest_part_ms
    share = sum(map(goodput, floods))
    solo = sum(map(goodput, solos))
    codes = {}
    for flood in floods:
        for code, count in figures(flood)[0].items():
            codes[code] = codes.get(code, 0) + count
    longest = max((1e3 * (e - b) for b, e in stalls), default=0)
    where = "; ".join(
        ["", *(f"LATE {'behind a stalled one ' * (stage.span in behind)}{stage}"
               + (f"; {machine.meanwhile(stage.span)}" if machine else "")
               for stage in stages if stage.span in unexcused),
         *(f"late by the drive {stage}" for stage in stages
           if stage.span in by_drive)])
    usual = [stage for stage in stages if stage.span not in late]
    if usual and late:
        where += "; usual: " + ", ".join(
            f"{name} {percentile(map(of, usual), 50):.1f}"
            for name, of in (("served", lambda s: s.served_ms),
                             ("computed", lambda s: s.computed_ms),
                             ("waited", lambda s: s.waited_ms),
                             ("taken", lambda s: s.taken_ms))) + " ms"
    return [
        ("no deadline is missed outside the machine's stalls",
         not unexcused,
         f"{beside['count']} requests, {len(late)} later than "
         f"{p99_alone + slack_ms:.2f} ms, {len(unexcused)} of them beside no "
         f"stall ({len(stalls)} stalls, the longest {longest:.1f} ms), of which "
         f"{len(behind)} by the wait for one before them that stood in a stall"
         + (f", {sum(map(machine.was_slow, unexcused))} on a machine that was "
            f"slow meanwhile; " if machine else "; ") +
         f"{len(by_drive)} by one of the drive's {len(drive_stalls)}{where}"),
        ("its p99 is within alone + 2 x the longest part", p99 <= allowed,
         f"p50 {percentile(ms, 50):.2f}, p99 {p99:.2f}, p99.9 "
         f"{percentile(ms, 99.9):.2f} ms; alone {percentile(ms_alone, 50):.2f},"
         f" {p99_alone:.2f}, {percentile(ms_alone, 99.9):.2f}; allowed "
         f"{allowed:.2f}"),
        ("the flood keeps half of its goodput",
         share >= solo / 2, f"{share:.2f}/s of {solo:.2f}/s"),
        ("the flood hears nothing but answers and refusals",
         not set(codes) - OVER - {"OK"}, f"{codes}"),
    ]


def judge_queueing(alone, crowded, beside):
    """Of stages: from a client's call until its job is queued. `crowded`: beside
    the same requests of others, which were not computed. All clients share the
    CPU that requests come in on: what they take from each other is in
    `crowded`, and not in `alone`."""
    if not alone or not crowded or not beside:
        return [("calls are found in the trace", False, "")]
    p99, p99_crowded, p99_alone = (
        percentile([s.queued_ms for s in stages], 99)
        for stages in (beside, crowded, alone))
    ours, ours_alone = (percentile([s.checked_ms for s in stages], 99)
                        for stages in (beside, alone))
    return [("a request is queued within 1 ms of what it takes when idle",
             p99 <= p99_alone + 1,
             f"p99 {p99:.2f} ms from the client's call, idle {p99_alone:.2f}; of "
             f"that in layerd's own hands {ours:.3f}, idle {ours_alone:.3f}"),
            ("and of what it takes beside requests that are not computed",
             p99 <= p99_crowded + 1, f"p99 {p99_crowded:.2f} ms")]


def held_up(stages):
    """[(since, until)] in seconds that others than its own level kept each of
    `stages` from beginning; those of one level follow each other, and of a job
    that was queued before the one ahead of it was answered it is since then.
    And of how many that is so."""
    waits, behind, free = [], 0, 0
    for queued, begun, answered, _ in turns(stages):
        behind += free > queued
        waits.append((min(begun, max(queued, free)), begun))
        free = answered
    return waits, behind


def judge_blocking(stages, published_ms, stalls):
    """How long a part of the floods, already begun, holds up a new job: outside
    of stalls of 0.3 ms or longer, all but one in a thousand."""
    if not stages:
        return [("calls are found in the trace", False, "")]
    waits, behind = held_up(stages)
    ms = lambda waits: [1e3 * (until - since) for since, until in waits]
    calm = ms(outside(waits, stalls))
    p99, p999 = (percentile(calm, p) for p in (99, 99.9)) if calm else (0, 0)
    return [("it begins within the published blocking",
             bool(calm) and p999 <= published_ms,
             f"p50 {percentile(ms(waits), 50):.3f}, p99 {p99:.3f}, p99.9 "
             f"{p999:.3f}, longest {max(calm, default=0):.3f} ms outside "
             f"stalls; in them {max(ms(waits)):.3f}; published "
             f"{published_ms:.3f}; {behind} waited for one before them")]


def judge_reads(solo_kib, beside_kib, preemptions):
    """KiB that were read for each job of each flood, alone and preempted."""
    if not all(solo_kib) or not all(beside_kib) or not preemptions:
        return [("jobs are preempted", False, f"{preemptions} preemptions")]
    twice = sum(kib > max(alone) for alone, kibs in zip(solo_kib, beside_kib)
                for kib in kibs)
    return [("no tile is read twice", twice == 0,
             f"{twice} of {sum(map(len, beside_kib))} jobs of the floods read "
             f"more than undisturbed, with {preemptions} preemptions at the "
             f"end of the trace")]


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
        # What an idle daemon reads ahead meanwhile is a ring at most.
        ("hardly anything was read for them",
         read_bytes <= weight_bytes / 8, f"{read_bytes >> 20} MiB"),
    ]


def judge_storm(reports, next_ok, grown_bytes, grown_fds, instrumented=False):
    codes = {}
    for report in reports:
        for code, count in figures(report)[0].items():
            codes[code] = codes.get(code, 0) + count
    return [
        ("calls were cancelled", codes.get("Canceled", 0) +
         codes.get("Unavailable", 0) > 0, f"{codes}"),
        ("the next request is answered", next_ok, ""),
        ("no memory is left behind", grown_bytes < 16 << 20 or instrumented,
         "a sanitizer tells at the end" if instrumented
         else f"{grown_bytes >> 10} KiB more"),
        ("no descriptor is left behind", grown_fds <= 4, f"{grown_fds} more"),
    ]


def latencies(report, *codes):
    return [d["latency"] / 1e6 for d in report.get("details") or []
            if d["status"] in codes]


def judge_overload(echo, busy_echo, overload, beside, urgent_alone, urgent,
                   peak_bytes, allowed_bytes):
    """`busy_echo`: an echo while layerd computes and reads as much. `beside`: the
    overload once more, with the urgent class beside it. There the refusals
    share their CPU with its requests and their client, so that their p99 is only
    told."""
    codes = figures(overload)[0]
    refused = latencies(overload, "ResourceExhausted")
    echoed = latencies(echo, "NotFound")
    busy_echoed = latencies(busy_echo, "NotFound")
    if not refused or not echoed or not busy_echoed:
        return [("requests are refused", False, f"{codes}")]
    p99, echo_p99, busy_p99 = (percentile(ms, 99) for ms in
                               (refused, echoed, busy_echoed))
    p99_beside = percentile(latencies(beside, "ResourceExhausted") or [0], 99)
    ok, ok_alone = (figures(r)[0].get("OK", 0) / max(1, r["count"])
                    for r in (urgent, urgent_alone))
    return [
        ("refusals come at once: p99 within an echo's + 1 ms",
         p99 <= echo_p99 + 1, f"p99 {p99:.2f} ms (p50 "
         f"{percentile(refused, 50):.2f}, p95 {percentile(refused, 95):.2f}), "
         f"echo {echo_p99:.2f} ({percentile(echoed, 50):.2f}, "
         f"{percentile(echoed, 95):.2f}), beside "
         f"the urgent class {p99_beside:.2f}; {codes}"),
        ("and of an echo while layerd computes", p99 <= busy_p99 + 1,
         f"p99 {busy_p99:.2f} ms"),
        ("some are answered", codes.get("OK", 0) > 0,
         f"{goodput(overload):.1f}/s, {goodput(beside):.1f} beside"),
        ("the urgent class is answered as ever", ok >= ok_alone - 0.001,
         f"{100 * ok:.1f} % answered, {100 * ok_alone:.1f} % without"),
        ("memory stays within base, plan and requests",
         peak_bytes <= allowed_bytes,
         f"{peak_bytes >> 20} of {allowed_bytes >> 20} MiB"),
    ]


def judge_idle(wakeups_per_s, read_bytes):
    return [
        ("at most 10 wake-ups a second", wakeups_per_s <= 10,
         f"{wakeups_per_s:.1f}"),
        ("nothing is read", read_bytes == 0, f"{read_bytes} bytes"),
    ]


def preemption_costs_us(trace):
    """From the end of a lower part to the first part of the urgent job that
    was queued meanwhile. A trace keeps what is slow for longer than the rest, so a job
    whose first part it has lost tells nothing."""
    parts = [e for e in trace if e.get("cat") == "part"]
    firsts = {e["args"]["job"]: e["ts"] for e in parts
              if e["tid"] == 1 and e["name"].endswith(" part 0")}
    lower = [(e["ts"], e["ts"] + e["dur"]) for e in parts if e["tid"] > 1]
    costs = []
    for job in trace:
        if (job.get("cat") != "received" or
                not job["name"].startswith("urgent")):
            continue
        first = firsts.get(job["args"]["job"])
        queued = job["ts"] + job["dur"]
        begun = [end for begin, end in lower if begin < queued < end]
        if begun and first:
            costs.append(first - begun[0])
    return costs


def judge_preemption(costs):
    if not costs:
        return [("jobs are preempted", False, "none in the trace")]
    median = percentile(costs, 50)
    return [("a preemption costs at most 100 us beyond the part", median <= 100,
             f"median {median:.0f} us of {len(costs)}")]
