#!/usr/bin/python3
"""The partition tables: what they hold fits the flash, and nothing lies on anything else."""

from pathlib import Path
import unittest

BOARD = Path(__file__).resolve().parents[2] / "firmware/boards/esp32"
SECTOR, APP_ALIGNMENT, TABLE_END = 0x1000, 0x10000, 0x9000


def table(name):
    rows = {}
    for line in (BOARD / name).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            label, kind, sub, offset, size = (cell.strip() for cell in line.split(","))
            rows[label] = (kind, sub, int(offset, 0), int(size, 0))
    return rows


class Partitions(unittest.TestCase):
    def each(self):
        for megabytes in (4, 16):
            with self.subTest(megabytes=megabytes):
                yield megabytes, table(f"partitions_{megabytes}mb.csv")

    def test_they_fit_and_do_not_overlap(self):
        for megabytes, rows in self.each():
            end = TABLE_END
            for kind, _, offset, size in sorted(rows.values(), key=lambda row: row[2]):
                self.assertGreaterEqual(offset, end)
                self.assertEqual(offset % (APP_ALIGNMENT if kind == "app" else SECTOR), 0)
                self.assertEqual(size % SECTOR, 0)
                end = offset + size
            self.assertLessEqual(end, megabytes << 20)

    def test_an_image_fits_either_slot(self):
        for _, rows in self.each():
            self.assertEqual(rows["ota_0"][3], rows["ota_1"][3])
            self.assertEqual(rows["otadata"][3], 2 * SECTOR)
            self.assertNotIn("factory", rows)

    def test_calibrations_are_apart_from_settings(self):
        for _, rows in self.each():
            self.assertEqual(rows["cal"][:2], ("data", "nvs"))
            self.assertEqual(rows["nvs"][:2], ("data", "nvs"))

    def test_the_log_has_its_room(self):
        for megabytes, rows in self.each():
            self.assertGreaterEqual(rows["log"][3], 900_000 if megabytes == 4 else 12_000_000)

    def test_what_the_code_asks_for_is_there(self):
        code = (BOARD / "main/main.cc").read_text()
        for name in ("nvs", "cal", "log"):
            self.assertIn(f'"{name}"', code)
            for _, rows in self.each():
                self.assertIn(name, rows)


if __name__ == "__main__":
    unittest.main()
