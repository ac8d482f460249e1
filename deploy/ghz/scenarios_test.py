"""Are the gates of the load scenarios shut when they should be?"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import judges
import machine
import stages


def report(codes, p99=None, rps=10.0):
    latencies = p99 and [{"percentage": 99, "latency": p99 * 1e6}]
    details = [{"status": code, "latency": (p99 or 1) * 1e6,
                "timestamp": "2026-01-02T03:04:05.123456789Z"}
               for code, count in codes.items() for _ in range(count)]
    return {"statusCodeDistribution": codes, "latencyDistribution": latencies,
            "details": details, "rps": rps, "count": sum(codes.values()), "errorDistribution": {}}


def well(judged):
    return [ok for _, ok, _ in judged]


class Gates(unittest.TestCase):
    def urgent(self, beside, flood=report({"OK": 100}, 900), stalls=()):
        return well(judges.judge_urgent(
            report({"OK": 300}, 10), beside, [report({"OK": 150}, 400, 15)],
            [flood], longest_part_ms=2, slack_ms=5, stalls=stalls))

    def test_urgent_opens_for_a_class_that_is_not_disturbed(self):
        self.assertEqual(self.urgent(report({"OK": 300}, 13.9)), [True] * 4)

    def test_a_disturbed_look_lends_no_time(self):
        looks = [report({"OK": 300}, ms) for ms in (60, 10)] + [report({})]
        self.assertIs(judges.calmest(looks, judges.answered), looks[1])
        self.assertIs(judges.calmest(looks[2:], judges.answered), looks[2])

    def test_one_missed_deadline_shuts_it(self):
        missed = report({"OK": 299, "DeadlineExceeded": 1}, 12)
        self.assertFalse(self.urgent(missed)[0])

    def test_one_late_answer_shuts_it_unless_the_machine_stalled(self):
        late = report({"OK": 299}, 12)
        late["details"] += report({"OK": 1}, 15.1)["details"]
        self.assertFalse(self.urgent(late)[0])
        at = 1767323045.11  # While that call was on.
        self.assertTrue(self.urgent(late, stalls=[(at, at + 0.005)])[0])
        self.assertFalse(self.urgent(late, stalls=[(at - 9, at - 8)])[0])

    def test_a_late_call_is_told_with_its_stages(self):
        late = report({"OK": 299}, 12)
        late["details"] += report({"OK": 1}, 15.1)["details"]
        stage = stages.Stages(judges.span_of(late["details"][-1]), 9, 0, 0, 5, 0,
                              1)
        words = judges.judge_urgent(
            report({"OK": 300}, 10), late, [report({"OK": 1})],
            [report({"OK": 1})], 2, 5, (), [stage])[0][2]
        self.assertIn("15.1 ms: 9.0 until received", words)

    def test_what_the_machine_did_is_told_and_excuses_nobody(self):
        late = report({"OK": 299}, 12)
        late["details"] += report({"OK": 1}, 50)["details"]
        span = judges.span_of(late["details"][-1])
        stage = stages.Stages(span, 1, 0, 0, 48, 0, 1)
        watched = machine.Machine(os.getpid(), 0)
        # Three times as slow while that call was on, and its CPU stolen.
        watched.looks = [(span[0] - 9 + i / 100, 40, 20) for i in range(850)]
        watched.looks += [(span[0] + i / 100, 120, 30) for i in range(5)]
        watched.counts = [(span[0] - 1, 10, 0, 7, 0),
                          (span[1] + 0.01, 30, 0.5, 9, 1)]

        what, ok, words = judges.judge_urgent(
            report({"OK": 300}, 10), late, [report({"OK": 1})],
            [report({"OK": 1})], 2, 5, (), [stage], machine=watched)[0]

        self.assertFalse(ok, what)
        self.assertIn("1 on a machine that was slow meanwhile", words)
        self.assertIn("calculation took 3.00 and memory 1.50 times", words)
        self.assertIn("20 ms stolen by the host, 0.5 ms waited for the CPU, 2 "
                      "page faults, 1 from the drive", words)
        self.assertFalse(watched.was_slow((span[0] - 5, span[0] - 4)))
        self.assertIn("not looked at", watched.meanwhile((0, 1)))

    def test_a_machine_is_looked_at_until_the_end(self):
        with machine.Machine(os.getpid(),
                             min(os.sched_getaffinity(0))) as watched:
            self.assertIsNone(watched.task)  # We have no executor.
        self.assertGreater(len(watched.looks), 0)
        for _, calculated_us, read_us in watched.looks:
            self.assertGreater(min(calculated_us, read_us), 0)

    def test_a_slow_read_excuses_a_call_only_if_its_job_waited_so_long(self):
        late = report({"OK": 299}, 12)
        late["details"] += report({"OK": 1}, 25)["details"]
        begin, end = judges.span_of(late["details"][-1])

        def judged(waited_ms, read):
            stage = stages.Stages((begin, end), 1, 0, 0, 24, 0, 0, 5, waited_ms)
            return judges.judge_urgent(
                report({"OK": 300}, 10), late, [report({"OK": 1})],
                [report({"OK": 1})], 2, 5, (), [stage],
                stages.drive_stalls([read]))[0]

        slow = ("read", begin + 0.001, begin + 0.012)
        self.assertTrue(judged(11, slow)[1])
        self.assertIn("waited 11.0", judged(11, slow)[2])
        self.assertFalse(judged(9, slow)[1])  # It was 10 ms late.
        self.assertFalse(judged(11, ("read", end + 1, end + 1.011))[1])
        self.assertFalse(judged(11, ("read", begin, begin + 0.003))[1])
        self.assertFalse(judged(11, ("flood part 3", *slow[1:]))[1])

    def test_a_late_call_behind_a_stalled_one_is_told_apart(self):
        def stage(begin_ms, took_ms, begun_ms, served_ms, waited_ms=0):
            return stages.Stages((1e-3 * begin_ms, 1e-3 * (begin_ms + took_ms)),
                                 1, 0, begun_ms, served_ms, 0, 0, 0, waited_ms)
        # Until 41, 49, 57; the third would be in time but for the second, which
        # would be but for the first.
        first, second, third = (stage(0, 42, 0, 40), stage(33, 17, 7, 8),
                                stage(40, 18, 8, 8))
        def behind(stalls=(), drive_stalls=(), deadline_ms=15, one=first):
            return judges.behind_stalled([third, one, second], stalls,
                                         drive_stalls, deadline_ms)
        late = {second.span, third.span}
        self.assertEqual(behind([(0.010, 0.015)]), late)
        self.assertEqual(behind([(0.060, 0.065)]), set())
        self.assertEqual(behind([(0.010, 0.015)], deadline_ms=9), set())
        self.assertEqual(behind([(0.010, 0.015)], deadline_ms=19), set())
        self.assertEqual(behind((), [(0.010, 0.015)]), set())  # It did not wait.
        self.assertEqual(behind((), [(0.010, 0.015)], 15,
                                stage(0, 42, 0, 40, waited_ms=6)), late)

    def test_pauses_of_a_client_are_read_from_what_go_prints(self):
        text = ("gc 7 @2.345s 0%: 0.1+6.5+0.4 ms clock, 0.1+2/1/0+0.4 ms cpu, "
                "90->92->30 MB, 93 MB goal, 0 MB stacks, 0 MB globals, 1 P\n")
        (what, begin, end), = stages.client_pauses("ghz: hello\n" + text, 100)
        self.assertIn("garbage", what)
        self.assertAlmostEqual(begin, 102.345)
        self.assertAlmostEqual(end, 102.352)
        self.assertEqual(stages.client_pauses("", 100), [])

    def test_stalls_are_read_from_what_cyclictest_prints(self):
        text = "T: 0 ( 9) P:90\nT: 0 Spike:    1500: TS:  13579705913\n"
        self.assertEqual(judges.stalls_of(text + "spikes = 1\n"),
                         [(13579.704413, 13579.705913)])
        with self.assertRaisesRegex(ValueError, "1 of 2"):
            judges.stalls_of(text + "spikes = 2\n")

    def test_a_late_tail_shuts_it(self):
        self.assertFalse(self.urgent(report({"OK": 300}, 14.1))[1])

    def test_no_answer_at_all_shuts_it(self):
        self.assertEqual(self.urgent(report({"Unavailable": 9})), [False])

    def test_a_flood_that_starves_shuts_it(self):
        slow = report({"OK": 10}, 900, rps=7)
        self.assertFalse(self.urgent(report({"OK": 300}, 12), slow)[2])

    def test_a_flood_that_hears_of_trouble_shuts_it(self):
        broken = report({"OK": 90, "Internal": 1}, 900)
        self.assertFalse(self.urgent(report({"OK": 300}, 12), broken)[3])

    def test_a_call_is_found_in_the_trace_by_its_time(self):
        # ghz's timestamp is the end of the call, which took 10 ms.
        call = report({"OK": 1}, 10)
        end = 1767323045.123456
        begin = end - 0.010
        ms = {"received": 0.5, "queued": 1.5, "job": 6, "sent": 6.5}
        stage, = stages.stages_of(call, [(begin - 1, ms), (begin + 0.002, ms),
                                         (end + 1, ms)])
        for name, wants in {"to_us_ms": 2, "checked_ms": 0.5, "queued_ms": 2.5,
                            "begun_ms": 1, "served_ms": 4.5, "sent_ms": 0.5,
                            "back_ms": 1.5}.items():
            self.assertAlmostEqual(getattr(stage, name), wants, places=2)
        self.assertEqual(stages.stages_of(call, [(end + 1, ms)]), [])

    def test_calls_that_came_together_have_a_job_each(self):
        ms = {"received": 0, "queued": 0, "job": 5, "sent": 5}
        report = {"details": [
            {"timestamp": f"2026-11-28T10:00:00.{end_ms}Z",
             "latency": took_ms * 1e6, "status": "OK"}
            for end_ms, took_ms in [(220, 80), (210, 110)]]}
        came = stages.span_of(report["details"][0])[0] + 0.030
        to_us = [stage.to_us_ms for stage in stages.stages_of(
            report, [(came, ms), (came + 0.010, ms)])]
        for is_, wants in zip(to_us, [70, 40], strict=True):
            self.assertAlmostEqual(is_, wants, places=2)

    def test_late_queueing_shuts_it(self):
        def stage(ms):
            return stages.Stages((0, 1), ms, 0.1, 0, 5, 0, 0)
        judge = lambda ms: well(judges.judge_queueing(
            [stage(2)], [stage(2.5)], [stage(ms)]))
        self.assertEqual(judge(2.9), [True, True])
        self.assertEqual(judge(3.1), [False, True])
        self.assertEqual(judge(3.6), [False, False])
        self.assertEqual(well(judges.judge_queueing([], [], [])), [False])

    def test_a_longer_blocking_than_published_shuts_it(self):
        def judge(begun_ms):
            stage = stages.Stages((0, 1), 1, 0, begun_ms, 5, 0, 0)
            return well(judges.judge_blocking([stage], 2, stalls))
        stalls = []
        self.assertEqual(judge(1.9), [True])
        self.assertEqual(judge(2.1), [False])
        stalls = [(0.002, 0.003)]  # While it waits: says nothing.
        self.assertEqual(judge(1.9), [False])

    def test_to_wait_for_the_request_before_is_no_blocking(self):
        def stage(begin_ms, begun_ms, served_ms):
            return stages.Stages((1e-3 * begin_ms, 1), 1, 0, begun_ms, served_ms,
                                 0, 0)
        def judge(second_begun_ms):
            return judges.judge_blocking(
                [stage(33, second_begun_ms, 5), stage(0, 1, 40)], 2, [])[0]
        self.assertTrue(judge(9.9)[1])  # Until 42 the first one is on.
        self.assertIn("longest 1.900", judge(9.9)[2])
        self.assertIn("1 waited for one", judge(9.9)[2])
        self.assertFalse(judge(10.1)[1])

    def test_a_tile_that_is_read_twice_shuts_it(self):
        self.assertEqual(well(judges.judge_reads([[900]], [[900, 880]], 3)), [True])
        self.assertEqual(well(judges.judge_reads([[900]], [[904]], 3)), [False])
        self.assertEqual(well(judges.judge_reads([[900]], [[900]], 0)), [False])

    def test_overload_wants_quick_refusals_and_bounded_memory(self):
        def judge(refusal_ms=2.0, urgent_ok=300, peak=90):
            overload = report({"ResourceExhausted": 90}, refusal_ms)
            overload["details"] += report({"OK": 10}, 500)["details"]
            overload["statusCodeDistribution"]["OK"] = 10
            return well(judges.judge_overload(
                report({"NotFound": 100}, 1.5), report({"NotFound": 100}, 2),
                overload, overload, report({"OK": 300}),
                report({"OK": urgent_ok, "Unavailable": 300 - urgent_ok}),
                peak, 100))
        self.assertEqual(judge(), [True] * 5)
        self.assertEqual(judge(refusal_ms=2.6), [False] + [True] * 4)
        self.assertEqual(judge(refusal_ms=3.1), [False] * 2 + [True] * 3)
        self.assertEqual(judge(urgent_ok=290), [True] * 3 + [False, True])
        self.assertEqual(judge(peak=101), [True] * 4 + [False])

    def test_runs_that_followed_each_other_are_one(self):
        both = judges.merged([report({"OK": 30}, 4, rps=10),
                              report({"OK": 10, "Unavailable": 10}, 6, rps=20)])
        self.assertEqual(both["statusCodeDistribution"],
                         {"OK": 40, "Unavailable": 10})
        self.assertAlmostEqual(both["rps"], 50 / 4)
        self.assertAlmostEqual(judges.goodput(both), 10)
        self.assertEqual(len(judges.answered(both)), 40)

    def test_idle_wants_quiet(self):
        self.assertEqual(well(judges.judge_idle(9, 0)), [True, True])
        self.assertEqual(well(judges.judge_idle(11, 1)), [False, False])

    def test_a_preemption_costs_from_the_end_of_the_part_in_progress(self):
        def event(name, job, tid, ts, dur):
            return {"cat": name.split()[1], "name": name, "tid": tid, "ts": ts,
                    "dur": dur, "args": {"job": job}}

        first = event("urgent part 0", 2, 1, 540, 300)
        others = [
            event("flood part 8", 1, 4, 0, 500),
            event("urgent received", 2, 2, 100, 200),
            event("urgent part 1", 2, 1, 900, 300),
            # Arrived beside the flood's part, and was queued after it.
            event("urgent received", 3, 2, 400, 200),
            event("urgent part 0", 3, 1, 4000, 300)]
        # Its first part is gone, a later one is not.
        self.assertEqual(judges.preemption_costs_us(others), [])
        costs = judges.preemption_costs_us([first, *others])
        self.assertEqual(costs, [40])
        self.assertEqual(well(judges.judge_preemption(costs)), [True])
        self.assertEqual(well(judges.judge_preemption([140])), [False])
        self.assertEqual(well(judges.judge_preemption([])), [False])

    def test_ramp_wants_refusals_and_no_other_error(self):
        judge = lambda codes: well(judges.judge_ramp(report(codes)))
        self.assertEqual(judge({"OK": 5, "ResourceExhausted": 3}), [True] * 2)
        self.assertEqual(judge({"OK": 5}), [True, False])
        self.assertEqual(
            judge({"OK": 5, "ResourceExhausted": 1, "Unavailable": 1}),
            [True, False])

    def test_impossible_wants_all_refused_without_reading(self):
        judge = lambda codes, read: well(
            judges.judge_impossible(report(codes), read, 1000))
        self.assertEqual(judge({"ResourceExhausted": 9}, 10), [True] * 2)
        self.assertEqual(judge({"OK": 1, "ResourceExhausted": 8}, 200),
                         [False, False])

    def test_storm_wants_nothing_left_behind(self):
        judge = lambda *rest: well(judges.judge_storm(
            [report({"OK": 5, "Canceled": 50})], *rest))
        self.assertEqual(judge(True, 0, 0), [True] * 4)
        self.assertEqual(judge(False, 99 << 20, 60), [True] + [False] * 3)


if __name__ == "__main__":
    unittest.main()
