"""The files of a source tree, as the tidy rules see them."""

import os

# A folder named here is the house; whatever else lies about is not looked at.
TOP_FOLDERS = ("proto", "config", "loader", "kernels", "daemon", "test",
               "deploy", "third_party", ".ci")
TEXT_ENDINGS = (".h", ".cc", ".cu", ".proto", ".py", ".sh", ".bzl", ".bazel",
                ".md", ".yaml", ".yml", ".json", ".service", ".txt", ".svg")
TEXT_NAMES = ("WORKSPACE", "BUILD", "Dockerfile", "run", ".bazelrc")


class SourceTree:
    """Text files by their path from the root, read once."""

    def __init__(self, root):
        self._lines = {}
        for path in _paths(root):
            with open(os.path.join(root, path), encoding="utf-8",
                      errors="replace") as file:
                self._lines[path] = file.read().splitlines()

    def paths(self, *endings):
        return sorted(p for p in self._lines if p.endswith(endings or ("",)))

    def lines(self, path):
        return self._lines[path]

    def numbered(self, path):
        return enumerate(self._lines[path], start=1)

    def __contains__(self, path):
        return path in self._lines


def folder_of(path):
    return os.path.dirname(path)


def _paths(root):
    for name in os.listdir(root):
        if os.path.isfile(os.path.join(root, name)) and _is_text(name):
            yield name
    for top in TOP_FOLDERS:
        for folder, below, names in os.walk(os.path.join(root, top)):
            below[:] = [b for b in below if b != "__pycache__"]
            for name in filter(_is_text, names):
                yield os.path.relpath(os.path.join(folder, name), root)


def _is_text(name):
    return name.endswith(TEXT_ENDINGS) or name in TEXT_NAMES
