"""What a reader would stumble over: left-overs, giants, private paths."""

import re

LINES_MAX = 500
# Split, so that this file keeps its own rules.
LEFT_OVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE_PATH = re.compile(
    r"(?<![\w.$}/-])/(work|root|home|Users|farm)/[\w.-]+|/tmp/" r"bz")
ADDRESS = re.compile(
    r"https?:/" r"/(?!127\.0\.0\.1|localhost|\[::1\]|[$%{\"'\s]|$)")
WAIT_OR_CLOCK = re.compile(
    r"#include <thread>|std::j?thread\b|sleep_(for|until)\(|\bu?sleep\(|"
    r"nanosleep\(|_clock::now\(|clock_gettime\(")
TEST_SLEEP = re.compile(r"sleep_(for|until)\(|\bu?sleep\(|nanosleep\(")

CODE = (".h", ".cc", ".cu", ".py", ".sh", ".bzl")
SCRIPTS = (".sh", ".py", ".bzl", ".bazel", "WORKSPACE", "run", "Dockerfile")
TIMELESS = ("config/", "loader/", "kernels/", "proto/")


def no_left_overs(tree):
    """Nothing is left for later."""
    return _find(tree, tree.paths(), LEFT_OVER, "is left for later")


def no_giants(tree):
    """A file is a room."""
    for path in tree.paths(*CODE):
        count = len(tree.lines(path))
        if count > LINES_MAX:
            yield path, LINES_MAX + 1, f"{count} lines, of at most {LINES_MAX}"


def no_machine_paths(tree):
    """The tree lies anywhere."""
    return _find(tree, tree.paths(), MACHINE_PATH, "is a path of one machine")


def no_addresses(tree):
    """Scripts reach for nothing outside but packages, by their names."""
    return _find(tree, tree.paths(*SCRIPTS), ADDRESS, "is an outside address")


def no_clocks_below_daemon(tree):
    """Only daemon/ has clocks and threads; elsewhere time is an argument."""
    paths = [p for p in tree.paths(".h", ".cc")
             if p.startswith(TIMELESS) and "_test." not in p]
    return _find(tree, paths, WAIT_OR_CLOCK, "belongs in daemon/")


def no_sleeping_tests(tree):
    """A test waits for an event, never for luck."""
    paths = [p for p in tree.paths(".h", ".cc")
             if p.startswith("test/") or "_test." in p]
    return _find(tree, paths, TEST_SLEEP, "sleeps in a test")


def _find(tree, paths, pattern, what):
    for path in paths:
        for number, line in tree.numbered(path):
            match = pattern.search(line)
            if match:
                yield path, number, f"'{match[0]}' {what}"
