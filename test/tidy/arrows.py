"""The include arrows: which room may know which.

    8  daemon/main, daemon/daemon    beside it daemon/ctl
    7  daemon/serve
    6  daemon/engine
    5  daemon/sched
    4  daemon/exec
    3  daemon/model                  beside it daemon/pack, whose own rooms are
                                     the levels between 2 and 3
    2  daemon/plan
    1  loader/   kernels/   daemon/rt
    0  proto/    config/

A room may know rooms with a smaller number, never an equal or a larger one.
test/ may know anything; nothing may know test/ or deploy/, but for the tests
that live beside their code. Those of the packer may know all of it: what a room
makes is looked at as the rooms behind it see it.
"""

LEVELS = {
    "proto": 0,
    "config": 0,
    "loader": 1,
    "kernels": 1,
    "daemon/rt": 1,
    "daemon/plan": 2,
    "daemon/model": 3,
    "daemon/pack/graph": 2.1,
    "daemon/pack/onnx": 2.2,
    "daemon/pack/operators": 2.3,
    "daemon/pack/spell": 2.4,
    "daemon/pack/import": 2.5,
    "daemon/pack/network": 2.5,
    "daemon/pack/lower": 2.6,
    "daemon/pack": 2.7,
    "daemon/exec": 4,
    "daemon/sched": 5,
    "daemon/engine": 6,
    "daemon/serve": 7,
    "daemon/ctl": 8,
    "daemon": 8,
}
TEST = "test"
OUTSIDE = ("deploy", "third_party", ".ci")

# Packing runs in a process of its own, so only layerctl links the packer.
PACK = "daemon/pack"
MAY_KNOW_PACK = ("daemon/ctl", PACK)
MAY_KNOW_GRPC = ("daemon/serve", "daemon/ctl")
# The labels of NVIDIA's libraries; all others are labels of other repositories.
MAY_KNOW_CUDA = ("kernels",)


def room_of(path):
    """The room that a file or folder lies in; None outside of all rooms."""
    if path.split("/")[0] in (TEST,) + OUTSIDE:
        return path.split("/")[0]
    rooms = [r for r in LEVELS if path == r or path.startswith(r + "/")]
    # daemon/ itself is a room only for its own files: a folder below it that
    # has no level yet must be given one.
    room = max(rooms, key=len, default=None)
    if room == "daemon" and path.count("/") > 1:
        return None
    return room


def is_within(room, outer):
    return room == outer or room.startswith(outer + "/")


def why_not(from_room, to_room, is_test=False):
    """Why `from_room` may not know `to_room`; None if it may."""
    if from_room == TEST or from_room == to_room:
        return None
    if to_room == TEST:
        return None if is_test else "nothing may know test/"
    if to_room == "third_party" and from_room in MAY_KNOW_CUDA:
        return None
    if to_room in OUTSIDE:
        return f"nothing may know {to_room}/"
    if from_room in OUTSIDE:
        return f"{from_room}/ holds no code"
    if is_within(to_room, PACK):
        if not any(is_within(from_room, room) for room in MAY_KNOW_PACK):
            return "only daemon/ctl may know daemon/pack"
        if is_test and is_within(from_room, PACK):
            return None
    if LEVELS[to_room] >= LEVELS[from_room]:
        return (f"{from_room} (level {LEVELS[from_room]}) may not know "
                f"{to_room} (level {LEVELS[to_room]})")
    return None
