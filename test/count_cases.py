"""Counts the test cases of a Bazel run: count_cases.py EVENTS BAZEL_EXIT

EVENTS is what `bazel test --build_event_json_file` wrote. Prints what failed
and what was skipped, and closes with the line "N passed, N failed". Exits 1 if
anything failed.

A test's log tells its cases in the closing lines of Catch2, of Python's
unittest, or in a line like ours; a test that tells nothing is one case. What a test could not do here it says in
lines "SKIPPED: reason"; if it tells nothing else, it counts as no case at all.
What is no test's fault (a build that fails, a run without tests) is one failed.
"""

import json
import re
import sys
import urllib.parse
import urllib.request

CATCH_ALL = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)", re.M)
CATCH_SOME = re.compile(r"^test cases: +\d+(.*)", re.M)
OURS = re.compile(r"^(\d+) passed, (\d+) failed\s*\Z", re.M)
PYTHON = re.compile(r"^Ran (\d+) tests? in .*\n\n(OK|FAILED)(.*)", re.M)
SKIPPED = re.compile(r"^\s*SKIPPED: (.*)", re.M)

BAZEL_DONE = 0
BAZEL_TESTS_FAILED = 3


def skipped_in_python(log):
    python = PYTHON.search(log)
    count = python and re.search(r"skipped=(\d+)", python[3])
    return int(count[1]) if count else 0


def cases_in(log):
    """(passed, failed) as the log tells them, or None."""
    ours = OURS.search(log)
    if ours:
        return int(ours[1]), int(ours[2])
    python = PYTHON.search(log)
    if python:
        failed = sum(
            int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", python[3]))
        # A class that is skipped as a whole is none of those that ran.
        return max(0, int(python[1]) - failed - skipped_in_python(log)), failed
    passed = [int(n) for n in CATCH_ALL.findall(log)]
    some = CATCH_SOME.findall(log)
    if not passed and not some:
        return None
    failed = 0
    for counts in some:
        passed += [int(n) for n in re.findall(r"(\d+) passed", counts)]
        failed += sum(int(n) for n in re.findall(r"(\d+) failed", counts))
    return sum(passed), failed


def read_log(outputs):
    for output in outputs:
        uri = urllib.parse.urlparse(output.get("uri", ""))
        if output.get("name") == "test.log" and uri.scheme == "file":
            path = urllib.request.url2pathname(uri.path)
            with open(path, encoding="utf-8", errors="replace") as log:
                return log.read()
    return ""


class Count:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.tests = 0
        self.notes = []

    def add_test(self, label, status, log):
        self.tests += 1
        skipped = SKIPPED.findall(log)
        cases = cases_in(log)
        if status != "PASSED":
            passed, failed = cases or (0, 0)
            # One that told no failure died of something else.
            failed = failed or 1
            self.notes.append(f"failed:  {label} ({status})")
        elif cases is None and skipped:
            passed, failed = 0, 0
        else:
            passed, failed = cases or (1, 0)
        self.passed += passed
        self.failed += failed
        for reason in skipped:
            self.notes.append(f"skipped: {label}: {reason}")
        if skipped_in_python(log):
            self.notes.append(
                f"skipped: {label}: {skipped_in_python(log)} of its cases")

    def add_event(self, event):
        name = event.get("id", {})
        if "testResult" in name and "testResult" in event:
            result = event["testResult"]
            log = read_log(result.get("testActionOutput", []))
            label = name["testResult"]["label"]
            self.add_test(label, result.get("status", "NO_STATUS"), log)
        elif "targetCompleted" in name and "completed" in event:
            if not event["completed"].get("success"):
                label = name["targetCompleted"]["label"]
                self.notes.append(f"failed:  {label} (does not build)")

    def finish(self, bazel_exit):
        if bazel_exit not in (BAZEL_DONE, BAZEL_TESTS_FAILED):
            self.failed += 1
            self.notes.append(f"failed:  the build (bazel exits {bazel_exit})")
        elif self.tests == 0:
            self.failed += 1
            self.notes.append("failed:  no test was run")
        elif bazel_exit == BAZEL_TESTS_FAILED and self.failed == 0:
            self.failed += 1
            self.notes.append("failed:  a test that left no result")


def main(events_path, bazel_exit):
    count = Count()
    with open(events_path, encoding="utf-8") as events:
        for line in events:
            if line.strip():
                count.add_event(json.loads(line))
    count.finish(bazel_exit)
    for note in sorted(set(count.notes)):
        print(note)
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
