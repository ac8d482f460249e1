"""Does the checker prove what layerd wrote, and nothing that was changed?"""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from check import complaints_about

WRITER = "test/certificate/write_certificate"


def certificate(seed, order="fifo"):
    return subprocess.run([WRITER, str(seed), order], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


class Check(unittest.TestCase):
    def test_what_layerd_wrote_holds(self):
        for seed in range(1, 16):
            for order in ("fifo", "edf"):
                with self.subTest(seed=seed, order=order):
                    text = certificate(seed, order)
                    self.assertIn(f'"level_order":"{order}"', text)
                    self.assertEqual(list(complaints_about(text)), [])

    def test_a_figure_that_was_changed_is_found(self):
        text = certificate(1)
        for key in ("alone_s", "response_s", "block_compute_s", "join_s",
                    "ahead_s", "drive_bytes_per_s"):
            with self.subTest(key=key):
                changed = re.sub(rf'("{key}":)([0-9.e-]+)',
                                 lambda m: f"{m[1]}{float(m[2]) * 0.9 + 1e-6}",
                                 text, count=1)
                self.assertNotEqual(changed, text)
                self.assertTrue(list(complaints_about(changed)))

    def test_a_device_that_is_given_more_is_found(self):
        text = certificate(1)
        changed = text.replace('"parts_open_max":1', '"parts_open_max":2')
        self.assertNotEqual(changed, text)
        self.assertTrue(any("block_compute_s" in c
                            for c in complaints_about(changed)))
        self.assertIn('"parts_open_max":2', certificate(5))

    def test_rows_that_take_longer_are_found(self):
        text = certificate(7)
        changed = re.sub(r'("lookups":\[\[\d+,)2,', r'\g<1>9,', text)
        self.assertNotEqual(changed, text)
        self.assertTrue(any("alone_s" in c for c in complaints_about(changed)))

    def test_longer_parts_than_it_counts_with_are_found(self):
        changed = re.sub(r'"seen_part_s":[0-9.e-]+', '"seen_part_s":0.05',
                         certificate(1))
        self.assertTrue(any("block_compute_s" in c
                            for c in complaints_about(changed)))

    def test_a_table_that_was_changed_is_found(self):
        text = certificate(1)
        changed = re.sub(r'("reads_bytes":\[)(\d+)',
                         lambda m: f"{m[1]}{int(m[2]) // 2}", text, count=1)
        self.assertTrue(any("digest" in c for c in complaints_about(changed)))

    def test_a_deadline_that_is_not_kept_is_found(self):
        changed = re.sub(r'"deadline_s":[0-9.e-]+', '"deadline_s":0.0001',
                         certificate(1), count=1)
        self.assertTrue(any("on time" in c for c in complaints_about(changed)))


if __name__ == "__main__":
    unittest.main()
