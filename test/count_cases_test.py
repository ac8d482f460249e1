"""A counter of failures must be able to count one."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
ALL = "=====\nAll tests passed (40 assertions in 8 test cases)\n"
SOME = "=====\ntest cases: 8 | 7 passed | 1 failed\nassertions: 9 | 8 passed\n"


class CountCasesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.events = []

    def add(self, status, log):
        path = os.path.join(self.folder, f"{len(self.events)} test.log")
        with open(path, "w", encoding="utf-8") as file:
            file.write(log)
        uri = "file://" + path.replace(" ", "%20")
        self.events.append({
            "id": {"testResult": {"label": f"//a:test_{len(self.events)}"}},
            "testResult": {
                "status": status,
                "testActionOutput": [{"name": "test.log", "uri": uri}],
            },
        })

    def run_with(self, bazel_exit):
        path = os.path.join(self.folder, "events.json")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(event) + "\n" for event in self.events)
        run = subprocess.run(
            [sys.executable, "-B", HERE + "/count_cases.py", path,
             str(bazel_exit)],
            stdout=subprocess.PIPE, text=True, check=False)
        return run.returncode, run.stdout.splitlines()

    def test_cases_are_counted_and_not_targets(self):
        self.add("PASSED", ALL)
        self.add("PASSED", "All tests passed (1 assertion in 1 test case)\n")
        self.assertEqual(self.run_with(0), (0, ["9 passed, 0 failed"]))

    def test_one_failed_case_fails_the_run(self):
        self.add("FAILED", SOME)
        status, lines = self.run_with(3)
        self.assertEqual(status, 1)
        self.assertIn("failed:  //a:test_0 (FAILED)", lines)
        self.assertEqual(lines[-1], "7 passed, 1 failed")

    def test_a_test_that_tells_nothing_is_one_case(self):
        self.add("PASSED", "")
        self.add("TIMEOUT", "half a word")
        self.assertEqual(self.run_with(3)[1][-1], "1 passed, 1 failed")

    def test_our_own_closing_line_counts_too(self):
        self.add("PASSED", "ok\n5 passed, 0 failed\n")
        self.assertEqual(self.run_with(0)[1][-1], "5 passed, 0 failed")

    def test_cases_of_python_count_too(self):
        self.add("PASSED", "....\n-----\nRan 4 tests in 0.1s\n\nOK\n")
        self.add("FAILED", "Ran 3 tests in 1.2s\n\n"
                           "FAILED (failures=1, errors=1)\n")
        self.assertEqual(self.run_with(3)[1][-1], "5 passed, 2 failed")

    def test_cases_that_python_skipped_have_not_passed(self):
        self.add("PASSED", "Ran 7 tests in 0.1s\n\nOK (skipped=2)\n")
        self.add("PASSED", "Ran 0 tests in 0.0s\n\nOK (skipped=1)\n")
        self.assertEqual(self.run_with(0), (0, [
            "skipped: //a:test_0: 2 of its cases",
            "skipped: //a:test_1: 1 of its cases",
            "5 passed, 0 failed",
        ]))

    def test_passing_all_cases_and_then_dying_is_a_failure(self):
        self.add("FAILED", ALL + "ERROR: LeakSanitizer: detected leaks\n")
        self.assertEqual(self.run_with(3)[1][-1], "8 passed, 1 failed")

    def test_what_was_skipped_is_shown_and_not_counted(self):
        self.add("PASSED", "SKIPPED: no Go here\n")
        self.add("PASSED", "  SKIPPED: no O_DIRECT\n" + ALL)
        self.assertEqual(self.run_with(0), (0, [
            "skipped: //a:test_0: no Go here",
            "skipped: //a:test_1: no O_DIRECT",
            "8 passed, 0 failed",
        ]))

    def test_a_build_failure_is_one_failed_and_is_named(self):
        self.add("PASSED", ALL)
        self.events.append({
            "id": {"targetCompleted": {"label": "//a:broken"}},
            "completed": {"success": False},
        })
        status, lines = self.run_with(1)
        self.assertEqual(status, 1)
        self.assertIn("failed:  //a:broken (does not build)", lines)
        self.assertEqual(lines[-1], "8 passed, 1 failed")

    def test_an_empty_run_is_one_failed(self):
        self.assertEqual(self.run_with(0)[1][-1], "0 passed, 1 failed")
        self.assertEqual(self.run_with(4)[1][-1], "0 passed, 1 failed")


if __name__ == "__main__":
    unittest.main()
