"""Made-up trees, each with one breach: a rule that cannot break proves nothing."""

import os
import tempfile
import unittest

import arrows
import check
from source_tree import SourceTree

INCLUDES = "includes follow the arrows"
DEPS = "deps follow the arrows"

GOOD = {
    "WORKSPACE": "",
    "proto/layer_file.proto": "",
    "config/limits.h": "",
    "config/limits_test.cc":
        '#include "config/limits.h"\n#include "test/catch/catch.h"\n',
    "loader/loader.h": '#include "layer_file.pb.h"\n',
    "kernels/backend.h": '#include <vector>\n#include "config/limits.h"\n',
    "kernels/cpu/cpu_backend.cc": '#include "dnnl.hpp"\n',
    "daemon/rt/clock.h": "std::chrono::steady_clock::now();\n",
    "daemon/plan/plan.h":
        '#include "kernels/backend.h"\n#include "loader/loader.h"\n'
        '#include "daemon/rt/clock.h"\n',
    "daemon/serve/server.cc":
        '#include <grpcpp/grpcpp.h>\n#include "daemon/plan/plan.h"\n',
    "daemon/main.cc": '#include "daemon/serve/server.h"\n',
    "daemon/BUILD.bazel":
        'cc_binary(name = "layerd", deps = ["//daemon/serve:server"])\n',
    "daemon/serve/BUILD.bazel":
        'cc_library(name = "server",\n'
        '    deps = ["//daemon/plan", "@com_github_grpc_grpc//:grpc++"])\n',
    "test/catch/catch.h": "#include <catch2/catch.hpp>\n",
    "test/e2e/run.sh": "curl http:" "//127.0.0.1:8002/metrics\n",
}


def breaches_of(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
            with open(f"{root}/{path}", "w", encoding="utf-8") as file:
                file.write(text)
        found = check.breaches(SourceTree(root))
        return {rule: lines for rule, lines in found.items() if lines}


class TidyTest(unittest.TestCase):
    def assert_breach(self, rule, path, text, *words):
        """Adding this one file to the good tree breaks this one rule."""
        found = breaches_of({**GOOD, path: text})
        self.assertEqual(list(found), [rule])
        for word in words:
            self.assertIn(word, "\n".join(found[rule]))

    def test_a_good_tree_breaks_nothing(self):
        self.assertEqual(breaches_of(GOOD), {})

    def test_loader_and_kernels_never_meet(self):
        self.assert_breach(
            INCLUDES, "loader/x.cc", '\n#include "kernels/backend.h"\n',
            "loader/x.cc:2: loader (level 1) may not know kernels (level 1)")
        self.assert_breach(
            INCLUDES, "kernels/cpu/x.h", '#include "loader/loader.h"\n',
            "kernels/cpu/x.h:1:")

    def test_no_arrow_points_up_or_sideways(self):
        def packs(room):
            return arrows.is_within(room, arrows.PACK)

        for low in arrows.LEVELS:
            for high in arrows.LEVELS:
                if packs(high) and not packs(low):
                    continue  # Below: for whom it is a question of more.
                if low != high and arrows.LEVELS[low] <= arrows.LEVELS[high]:
                    self.assert_breach(
                        INCLUDES, f"{low}/x.cc", f'#include "{high}/y.h"\n',
                        f"{low}/x.cc:1:", f"may not know {high} ")

    def test_a_test_keeps_the_arrows_of_its_room(self):
        self.assert_breach(
            INCLUDES, "loader/x_test.cc", '#include "kernels/backend.h"\n')

    def test_an_include_of_what_is_not_there_counts(self):
        self.assert_breach(
            INCLUDES, "config/x.cc", '#include "daemon/sched/none.h"\n')

    def test_generated_headers_belong_to_the_room_of_their_proto(self):
        self.assert_breach(
            INCLUDES, "config/x.cc", '#include "layer_file.pb.h"\n',
            "config (level 0) may not know proto")

    def test_grpc_stays_in_serve_and_ctl(self):
        for header in ("<grpcpp/grpcpp.h>", '"x.grpc.pb.h"', "<grpc/grpc.h>"):
            for room in ("daemon/sched", "daemon/engine", "daemon", "loader"):
                self.assert_breach(INCLUDES, f"{room}/x.cc",
                                   f"#include {header}\n", "gRPC")

    def test_nothing_knows_test_or_deploy(self):
        for header in ("test/catch/catch.h", "deploy/x.h"):
            self.assert_breach(INCLUDES, "daemon/ctl/x.cc",
                               f'#include "{header}"\n', "nothing may know")

    def test_only_ctl_knows_the_packer(self):
        for room in ("daemon", "daemon/serve", "daemon/model"):
            for header in ("packer.h", "graph/graph.h"):
                self.assert_breach(
                    INCLUDES, f"{room}/x.cc",
                    f'#include "daemon/pack/{header}"\n',
                    "only daemon/ctl may know daemon/pack")
        files = {"daemon/ctl/pack.cc": '#include "daemon/pack/packer.h"\n'}
        self.assertEqual(breaches_of({**GOOD, **files}), {})

    def test_a_test_of_the_packer_may_look_ahead(self):
        ahead = '#include "daemon/pack/lower/lower.h"\n'
        files = {"daemon/pack/network/x_test.cc": ahead}
        self.assertEqual(breaches_of({**GOOD, **files}), {})
        self.assert_breach(INCLUDES, "daemon/pack/network/x.cc", ahead,
                           "may not know daemon/pack/lower")

    def test_a_room_without_a_level_is_seen(self):
        self.assert_breach(INCLUDES, "daemon/new/x.cc", "", "has no level")

    def test_an_include_is_written_from_the_root(self):
        self.assert_breach(INCLUDES, "config/x.cc", '#include "limits.h"\n',
                           'write "config/limits.h"')

    def test_deps_keep_the_arrows_too(self):
        self.assert_breach(
            DEPS, "loader/BUILD.bazel",
            'cc_library(name = "x", deps = ["//kernels:backend"])\n',
            "loader/BUILD.bazel:1: //loader:x: loader (level 1)")
        self.assert_breach(
            DEPS, "loader/BUILD.bazel",
            'cc_library(name = "x", deps = select({"//c": ["//test/sim"]}))\n',
            "nothing may know test/")
        self.assert_breach(
            DEPS, "kernels/BUILD.bazel",
            'cc_library(name = "x", deps = ["@com_github_grpc_grpc//:grpc++"])',
            "kernels may not know gRPC")

    def test_generated_services_are_grpc(self):
        rooms = {
            "proto/BUILD.bazel": 'cc_grpc_library(name = "admin_cc_grpc")\n',
            "daemon/sched/BUILD.bazel":
                'cc_library(name = "x", deps = ["//proto:admin_cc_grpc"])\n',
        }
        found = breaches_of({**GOOD, **rooms})
        self.assertIn("daemon/sched may not know gRPC", found[DEPS][0])

    def test_layerd_never_links_the_packer(self):
        found = breaches_of({
            **GOOD,
            "daemon/plan/BUILD.bazel":
                'cc_library(name = "plan", deps = ["//daemon/pack:packer"])\n',
        })
        self.assertIn("//daemon:layerd links //daemon/pack:packer",
                      "\n".join(found[DEPS]))
        found = breaches_of({
            **GOOD,
            "daemon/plan/BUILD.bazel":
                'cc_library(name = "plan", deps = ["//daemon/pack/graph"])\n',
        })
        self.assertIn("//daemon:layerd links //daemon/pack/graph:graph",
                      "\n".join(found[DEPS]))

    def test_left_overs_are_seen(self):
        self.assert_breach("nothing is left for later", "README.md",
                           "\n\n- TO" "DO: more\n", "README.md:3:")

    def test_giants_are_seen(self):
        self.assert_breach("no file is a giant", "loader/x.cc",
                           "//\n" * 501, "501 lines")

    def test_paths_of_one_machine_are_seen(self):
        for path in ("/ro" "ot/models", "/ho" "me/me/x", "/tmp/" "bz-x"):
            self.assert_breach("no path of one machine", "deploy/x.yaml",
                               f"key: {path}\n", "deploy/x.yaml:1:")

    def test_outside_addresses_are_seen(self):
        self.assert_breach("no outside address in scripts", "deploy/x.sh",
                           "curl https:" "//example.org/x\n")

    def test_clocks_and_threads_below_daemon_are_seen(self):
        for words in ("#include <thread>", "std::thread t;",
                      "auto now = std::chrono::steady_clock::now();"):
            self.assert_breach("clocks and threads only in daemon",
                               "loader/x.cc", words + "\n", "loader/x.cc:1:")

    def test_sleeping_tests_are_seen(self):
        self.assert_breach("no test sleeps", "daemon/sched/x_test.cc",
                           "std::this_thread::sleep_for(1ms);\n")


if __name__ == "__main__":
    unittest.main()
