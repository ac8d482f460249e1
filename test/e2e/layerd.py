"""layerd and layerctl as processes of a test. Standard library only.

Everything is started from the folder in which Bazel starts tests; a program
that hangs fails the test after a minute.
"""

import dataclasses
import os
import pathlib
import re
import select
import signal
import subprocess
import tempfile

LAYERD = os.environ.get("LAYERD", "daemon/layerd")
LAYERCTL = os.environ.get("LAYERCTL", "daemon/ctl/layerctl")
PATIENCE_S = 60
MIB = 1 << 20


@dataclasses.dataclass
class Ended:
    status: int
    out: str
    err: str
    peak_bytes: int  # Of resident memory.
    read_bytes: int  # By the kernel, from the drive: /proc/PID/io.


def number_in(path, key):
    """The number after `key:` in a file of /proc."""
    with open(path) as lines:
        for line in lines:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    return 0


def layerctl(*words):
    """Runs layerctl to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            [LAYERCTL, *map(str, words)], stdout=out, stderr=err
        )
        try:
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            read_bytes = number_in(f"/proc/{child.pid}/io", "read_bytes")
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        child.returncode = os.waitstatus_to_exitcode(status)
        return Ended(
            child.returncode,
            _text(out),
            _text(err),
            usage.ru_maxrss * 1024,
            read_bytes,
        )


def _text(file):
    file.seek(0)
    return file.read().decode(errors="replace")


def is_instrumented():
    """Whether a sanitizer is in the binaries: it takes memory of its own."""
    with open(LAYERD, "rb") as binary:
        data = binary.read()
    return b"__asan_init" in data or b"__tsan_init" in data


class Daemon:
    """layerd on `models`, {name: path of a .layers or .onnx file}; `configs`
    has the model.yaml of those that need one.

    with Daemon({"digits": path}, "--weight-budget", "1MiB") as daemon:
        layerctl("status", "--address", daemon.address)
    """

    def __init__(self, models, *flags, configs=None, patience_s=PATIENCE_S):
        self.kept = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.kept.name)
        for name, path in models.items():
            path = pathlib.Path(path).resolve()
            version = folder / "models" / name / "1"
            version.mkdir(parents=True)
            (version / f"model{path.suffix}").symlink_to(path)
            if name in (configs or {}):
                (version.parent / "model.yaml").write_text(configs[name])
        self.err = open(folder / "err", "w+")
        self.process = subprocess.Popen(
            [LAYERD, "--repository", folder / "models"]
            + ["--cache", folder / "cache", "--listen", "127.0.0.1:0"]
            + ["--metrics", "127.0.0.1:0", *flags],
            stdout=subprocess.PIPE,
            stderr=self.err,
        )
        self.address = self._wait_until_ready(patience_s)

    def _wait_until_ready(self, patience_s):
        readable, _, _ = select.select(
            [self.process.stdout], [], [], patience_s
        )
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith("layerd ready on "):
            raise AssertionError(f"layerd is not ready: {line}{self.close()}")
        return line.split()[3]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Ends it. One that does not exit 0 then, as when a sanitizer has
        found something, fails the test."""
        status, err = self.close()
        if status != 0:
            raise AssertionError(f"layerd ended with {status}:\n{err}")

    def metrics_url(self):
        """Of the page for Prometheus, as the log tells it."""
        self.err.seek(0)
        found = re.search(r"metrics on (\S+)", self.err.read())
        if not found:
            raise AssertionError("the log tells of no metrics")
        return found.group(1)

    def peak_bytes(self):
        """Of resident memory, huge pages included."""
        status = f"/proc/{self.process.pid}/status"
        return 1024 * (
            number_in(status, "VmHWM") + number_in(status, "HugetlbPages")
        )

    def read_bytes(self):
        """What the kernel read from the drive for it."""
        return number_in(f"/proc/{self.process.pid}/io", "read_bytes")

    def close(self):
        """SIGTERM; its exit status and what it said on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.err.seek(0)
        said = self.err.read()
        self.err.close()
        self.kept.cleanup()
        return self.process.returncode, said
