"""A limit of memory, page cache included, that a process begins in."""

import os
import pathlib

ROOT = pathlib.Path("/sys/fs/cgroup")


class MemoryLimit:
    """A cgroup of its own, of either version; `refusal` says why there is
    none."""

    def __init__(self, name, limit_bytes):
        self.folder = None
        self.refusal = ""
        is_v1 = (ROOT / "memory").is_dir()
        folder = (ROOT / "memory" if is_v1 else ROOT) / f"layerd-{name}"
        key = "memory.limit_in_bytes" if is_v1 else "memory.max"
        try:
            folder.mkdir()
            self.folder = folder
            (folder / key).write_text(str(limit_bytes))
        except OSError as error:
            self.refusal = str(error)
            self.close()

    def enter(self):
        """Of the child, before it becomes the program."""
        if self.folder is not None:
            (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def close(self):
        """When the process has ended."""
        if self.folder is not None:
            self.folder.rmdir()
            self.folder = None
