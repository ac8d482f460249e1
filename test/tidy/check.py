"""Holds a source tree against the rules of the house: check.py ROOT

Prints every breach as FILE:LINE: WORDS, and closes with the line "N passed,
N failed", in rules. Exits 1 if any rule is broken.
"""

import sys

import build_graph
import includes
import manners
from source_tree import SourceTree

RULES = {
    "includes follow the arrows": includes.check,
    "deps follow the arrows": build_graph.check,
    "nothing is left for later": manners.no_left_overs,
    "no file is a giant": manners.no_giants,
    "no path of one machine": manners.no_machine_paths,
    "no outside address in scripts": manners.no_addresses,
    "clocks and threads only in daemon": manners.no_clocks_below_daemon,
    "no test sleeps": manners.no_sleeping_tests,
}


def breaches(tree):
    """Rule to its breaches, as lines."""
    return {name: [f"{path}:{line}: {words}" for path, line, words in rule(tree)]
            for name, rule in RULES.items()}


def main(root):
    tree = SourceTree(root)
    sources = len(tree.paths(".h", ".cc"))
    if sources == 0:
        print(f"{root} holds no sources to look at")
        print("0 passed, 1 failed")
        return 1
    print(f"{sources} sources, {len(tree.paths())} files")
    found = breaches(tree)
    for name, lines in found.items():
        print(f"{'broken' if lines else 'held'}: {name}")
        for line in lines:
            print(f"  {line}")
    broken = sum(1 for lines in found.values() if lines)
    print(f"{len(found) - broken} passed, {broken} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
