"""layerd serves under the system call filter of deploy/layerd.service.

The unit answers a call that it forbids with an error; here it ends the process,
so that none goes unseen. Needs systemd-analyze (package systemd) and cpp.
"""

import ctypes
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import networks
from layerd import Daemon, layerctl

UNIT = "deploy/layerd.service"
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
EXPOSURE_MAX = 20  # In tenths.


def output_of(*command, words=""):
    return subprocess.run(
        command, input=words, text=True, check=True, capture_output=True
    ).stdout


def expand(name):
    """A call's name, or all names of a group."""
    if not name.startswith("@"):
        return {name}
    names = set()
    for line in output_of(
        "systemd-analyze", "syscall-filter", name
    ).splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            names |= expand(word)
    return names


def allowed_by(unit):
    """Names of calls: of an allow list, from which later lines take away."""
    names = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        takes = line.startswith("~")
        for word in line.lstrip("~").split():
            names = names - expand(word) if takes else names | expand(word)
    return names


def numbers():
    """Of system calls on this machine, by name."""
    macros = output_of("cpp", "-dM", words="#include <asm/unistd.h>\n")
    return {
        name: int(number)
        for name, number in re.findall(r"#define __NR_(\w+) (\d+)\b", macros)
    }


def program_of(calls):
    """The filter in the kernel's language."""
    steps = [(LOAD_WORD, 0, 0, 0)]
    for call in sorted(calls):
        steps += [(JUMP_IF_EQUAL, 0, 1, call), (RETURN, 0, 0, ALLOW)]
    steps.append((RETURN, 0, 0, KILL_PROCESS))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def forbid_the_rest(calls):
    """In this process and in all that it starts."""
    program = ctypes.create_string_buffer(program_of(calls))
    steps = (len(program) - 1) // 8
    packed = ctypes.create_string_buffer(
        struct.pack("@HP", steps, ctypes.addressof(program))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(packed), 0, 0),
    ):
        if libc.prctl(*map(ctypes.c_ulong, arguments)) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd here")
class Unit(unittest.TestCase):
    def test_it_leaves_little_open(self):
        ended = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--no-pager"]
            + [f"--threshold={EXPOSURE_MAX}", os.path.realpath(UNIT)],
            capture_output=True, text=True,
        )
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

    @unittest.skipUnless(platform.machine() in ("x86_64", "aarch64"), "foreign")
    def test_layerd_makes_no_call_that_it_forbids(self):
        with open(UNIT) as unit:
            names = allowed_by(unit.read())
        self.assertIn("io_uring_setup", names)
        self.assertIn("sched_setattr", names)
        self.assertNotIn("mount", names)
        known = numbers()
        calls = {known[name] for name in names if name in known}
        child = os.fork()
        if child == 0:
            try:
                forbid_the_rest(calls)
                os._exit(0 if self.serve() else 1)
            except BaseException as why:
                print(why, file=sys.stderr)
                os._exit(2)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.assertEqual(status, 0)

    def serve(self):
        """Packs, computes, loads again, ends."""
        model = networks.DIGITS / "digits.onnx"
        with Daemon({"digits": model}, "--realtime", "best_effort") as daemon:
            words = ("--address", daemon.address)
            for command in (
                ("infer", "digits", "--random"),
                ("unload", "digits"),
                ("load", "digits"),
                ("budget", "all"),
                ("infer", "digits", "--random"),
                ("status",),
            ):
                ended = layerctl(*command, *words)
                if ended.status != 0:
                    print(command, ended, file=sys.stderr)
                    return False
        return True


if __name__ == "__main__":
    unittest.main()
