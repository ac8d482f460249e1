"""Does the gate let nothing through but all calls answered?"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from gate import judge

LATENCIES = [
    {"percentage": 50, "latency": 1_500_000},
    {"percentage": 99, "latency": 9_000_000},
]


def report(codes, latencies=LATENCIES, errors=None):
    return {
        "rps": 1234.5,
        "statusCodeDistribution": codes,
        "latencyDistribution": latencies,
        "errorDistribution": errors,
    }


class Gate(unittest.TestCase):
    def test_all_calls_answered_is_well(self):
        well, line = judge(report({"OK": 100}), 100)
        self.assertTrue(well)
        self.assertEqual(
            line,
            "100 of 100 calls answered; p50 1.50 ms, p99 9.00 ms, 1234 calls/s",
        )

    def test_one_failed_call_is_not(self):
        well, line = judge(
            report({"OK": 99, "Unavailable": 1}, errors={"gone": 1}), 100
        )
        self.assertFalse(well)
        self.assertIn("Unavailable 1", line)
        self.assertIn("1 x gone", line)

    def test_when_no_call_is_answered_there_are_no_latencies(self):
        well, line = judge(report({"NotFound": 100}, latencies=None), 100)
        self.assertFalse(well)
        self.assertIn("0 of 100 calls answered", line)

    def test_fewer_calls_than_asked_for_are_not_well(self):
        self.assertFalse(judge(report({"OK": 99}), 100)[0])

    def test_an_empty_report_is_not_well(self):
        self.assertFalse(judge({"statusCodeDistribution": None}, 100)[0])


if __name__ == "__main__":
    unittest.main()
