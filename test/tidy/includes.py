"""Every #include of the tree, held against the arrows."""

import re

import arrows
from source_tree import folder_of

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
GRPC = re.compile(r"^(grpc|grpcpp|grpc\+\+)/|\.grpc\.pb\.h$")
TEST_SOURCE = re.compile(r"_(test|bench|fuzzer)\.(cc|h)$")


def check(tree):
    """Yields (path, line number, what is wrong)."""
    protos = {path.rsplit("/", 1)[-1]: path for path in tree.paths(".proto")}
    for path in tree.paths(".h", ".cc", ".cu"):
        room = arrows.room_of(path)
        if room is None:
            yield path, 1, "this folder has no level in test/tidy/arrows.py"
            continue
        for number, line in tree.numbered(path):
            match = INCLUDE.match(line)
            if match:
                for wrong in _wrongs(tree, protos, path, room, match):
                    yield path, number, wrong


def _wrongs(tree, protos, path, room, match):
    quoted, name = match[1] == '"', match[2]
    if GRPC.search(name) and room not in arrows.MAY_KNOW_GRPC + (arrows.TEST,):
        yield f"{room} may not know gRPC (<{name}>)"
    target = _target(tree, protos, name)
    if target is None:
        beside = f"{folder_of(path)}/{name}"
        if quoted and beside in tree:
            yield f'write "{beside}", from the root'
        return
    to_room = arrows.room_of(target)
    if to_room is None:
        yield f"{folder_of(target)} has no level in test/tidy/arrows.py"
        return
    wrong = arrows.why_not(room, to_room, bool(TEST_SOURCE.search(path)))
    if wrong:
        yield f"{wrong}: {name}"


def _target(tree, protos, name):
    """The file of the tree that an include names; None if it is foreign."""
    generated = re.match(r"(?:.*/)?([^/]+?)(\.grpc)?\.pb\.h$", name)
    if generated:
        return protos.get(generated[1] + ".proto")
    # Also what is not (yet) there, if its folder is one of ours.
    first = name.split("/")[0]
    ours = name in tree or ("/" in name and first in _OUR_FOLDERS)
    return name if ours else None


_OUR_FOLDERS = {room.split("/")[0] for room in arrows.LEVELS} | {
    arrows.TEST, *arrows.OUTSIDE}
