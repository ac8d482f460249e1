"""The deps of every BUILD file, held against the arrows.

BUILD files are read as Python, which they nearly are. Of a deps expression all
strings count, so a dep behind a select() is a dep.
"""

import ast

import arrows
from source_tree import folder_of

DAEMON = "//daemon:layerd"
PACK = ("//daemon/pack:", "//daemon/pack/")
TEST_RULES = ("layerd_test", "layerd_fuzzer", "cc_test", "sh_test")
GRPC = "@com_github_grpc_grpc//"


class Target:
    def __init__(self, path, call):
        words = {k.arg: k.value for k in call.keywords}
        package = folder_of(path)
        self.path = path
        self.line = call.lineno
        self.room = arrows.room_of(path)
        self.label = absolute(":" + words["name"].value, package)
        self.is_test = "testonly" in words or _rule(call) in TEST_RULES
        self.has_grpc = _rule(call) == "cc_grpc_library" and not _is_false(
            words.get("grpc"))
        self.deps = [absolute(node.value, package)
                     for word in ("deps", "implementation_deps")
                     if word in words
                     for node in ast.walk(words[word])
                     if isinstance(node, ast.Constant)
                     and isinstance(node.value, str)]


def absolute(label, package):
    if label.startswith("@"):
        return label
    if label.startswith(":") or not label.startswith("//"):
        return f"//{package}:{label.lstrip(':')}"
    if ":" not in label:
        return f"{label}:{label.rsplit('/', 1)[-1]}"
    return label


def targets(tree):
    for path in tree.paths("BUILD.bazel", "BUILD"):
        for node in ast.walk(ast.parse("\n".join(tree.lines(path)))):
            if isinstance(node, ast.Call) and any(
                    k.arg == "name" and isinstance(k.value, ast.Constant)
                    for k in node.keywords):
                yield Target(path, node)


def check(tree):
    """Yields (path, line number, what is wrong)."""
    graph = {target.label: target for target in targets(tree)}
    for target in graph.values():
        if target.room is None:
            continue  # The root and third_party's own; includes tell the rest.
        for dep in target.deps:
            wrong = _wrong(graph, target, dep)
            if wrong:
                yield target.path, target.line, f"{target.label}: {wrong}"
    for label in sorted(_reached(graph, DAEMON)):
        if DAEMON in graph and label.startswith(PACK):
            target = graph[DAEMON]
            yield target.path, target.line, f"{DAEMON} links {label}"


def _wrong(graph, target, dep):
    if dep.startswith(GRPC) or (dep in graph and graph[dep].has_grpc
                                and not target.has_grpc):
        known = arrows.MAY_KNOW_GRPC + (arrows.TEST,)
        if target.room not in known:
            return f"{target.room} may not know gRPC: {dep}"
    if dep.startswith("@"):
        return None
    to_room = arrows.room_of(dep[2:].replace(":", "/"))
    if to_room is None:
        return f"{dep} is in a folder without a level in test/tidy/arrows.py"
    wrong = arrows.why_not(target.room, to_room, target.is_test)
    return f"{wrong}: {dep}" if wrong else None


def _reached(graph, start):
    seen, open_labels = set(), [start]
    while open_labels:
        label = open_labels.pop()
        if label not in seen:
            seen.add(label)
            open_labels.extend(graph[label].deps if label in graph else ())
    return seen


def _is_false(node):
    return isinstance(node, ast.Constant) and node.value is False


def _rule(call):
    return call.func.id if isinstance(call.func, ast.Name) else ""
