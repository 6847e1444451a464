#!/usr/bin/python3
"""The component's schema and the code that it generates, beside stand-ins for ESPHome."""

import asyncio
import importlib
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE / "python"), str(ROOT / "firmware/boards/esphome/components")]
sys.dont_write_bytecode = True

import esphome.config_validation as cv  # noqa: E402
from esphome.core import CORE  # noqa: E402

lenz = importlib.import_module("lenz")
chip = importlib.import_module("lenz.sensor")


class Loader(yaml.SafeLoader):
    """Tags of ESPHome are read as their text."""


Loader.add_multi_constructor("!", lambda loader, tag, node: loader.construct_scalar(node))


def chips_of(file):
    """The chips of an owner's YAML, with its substitutions."""
    text = (ROOT / "tests/esphome" / file).read_text()
    for key, value in yaml.load(text, Loader)["substitutions"].items():
        text = text.replace("${" + key + "}", str(value))
    sensors = yaml.load(text, Loader)["sensor"]
    sensors = sensors if isinstance(sensors, list) else [sensors]
    return [{k: v for k, v in s.items() if k != "platform"} for s in sensors if s.get("platform") == "atm90e32"]


def a_chip(**changes):
    return {
        "id": "meter_main1",
        "cs_pin": 5,
        "line_frequency": "60Hz",
        "gain_pga": "1X",
        "phase_a": {
            "voltage": {"name": "House Volts"},
            "current": {"name": "CT1 Amps"},
            "power": {"name": "CT1 Watts"},
            "forward_active_energy": {"name": "CT1 Energy"},
            "gain_voltage": 7305,
            "gain_ct": 27518,
        },
        "frequency": {"name": "House Freq"},
        **changes,
    }


class Component(unittest.TestCase):
    def setUp(self):
        CORE.__init__()

    def generate(self, module, config):
        asyncio.run(module.to_code(module.CONFIG_SCHEMA(config)))
        return CORE.statements

    def refuses(self, module, config, words):
        with self.assertRaisesRegex(cv.Invalid, words):
            module.CONFIG_SCHEMA(config)

    def test_a_meter_is_built_as_its_few_lines_say(self):
        said = self.generate(lenz, {"id": "meter", "home": "home", "device": "cellar", "outbox": "128kB"})

        self.assertIn('meter->set_home("home")', said)
        self.assertIn('meter->set_device("cellar")', said)
        self.assertIn("meter->set_outbox(128000)", said)
        self.assertIn("meter->set_mqtt(the_mqttclientcomponent)", said)
        version = re.search(r"project\(lenz VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
        self.assertIn(f'meter->set_version("{version}")', said)
        self.assertEqual(CORE.cpp_standard, "gnu++23")
        self.assertEqual(list(CORE.libraries), ["nanopb/Nanopb"])

    def test_a_name_that_the_hub_cannot_have_is_refused(self):
        self.refuses(lenz, {"home": "My home", "device": "cellar"}, "1 to 32 of a-z, 0-9, '_' and '-'")
        self.refuses(lenz, {"home": "home", "device": "x" * 33}, "1 to 32")
        self.refuses(lenz, {"home": "home", "device": "cellar", "outbox": "1kB"}, "16kB to 4MB")
        self.refuses(lenz, {"home": "home"}, "required key")

    def test_a_chip_has_the_keys_of_the_stock_one(self):
        said = self.generate(chip, a_chip())

        self.assertIn("meter_main1->set_cs_pin(5)", said)
        self.assertIn("meter_main1->set_line_frequency(60)", said)
        channel = next(line for line in said if "set_channel(0" in line)
        self.assertIn(".voltage_gain = 7305, .current_gain = 27518, .pga = 1, .multiplier = 1", channel)
        shown = [line for line in said if "add_sensor" in line]
        self.assertEqual(len(shown), 5)
        self.assertIn("Quantity::imported, 0,", "".join(shown))
        self.assertEqual(said[-1], "the_meter->add_chip(meter_main1)")

    def test_entities_keep_their_names(self):
        said = self.generate(chip, a_chip())

        for name in ("House Volts", "CT1 Amps", "CT1 Watts", "CT1 Energy", "House Freq"):
            self.assertTrue(any(f'set_name("{name}")' in line for line in said), name)

    def test_what_owners_have_is_taken(self):
        taken = [chip.CONFIG_SCHEMA(config) for config in chips_of("split_single_phase.yaml")]
        self.assertEqual(taken[0]["line_frequency"], 60)
        self.assertEqual(taken[0]["gain_pga"], 2)

    def test_the_guide_can_be_followed(self):
        guide = (ROOT / "docs/esphome.md").read_text().split("## Lenz's own driver on the node")[1]
        few_lines, packages = (yaml.load(block, Loader) for block in re.findall(r"```yaml\n(.*?)```", guide, re.S))

        lenz.CONFIG_SCHEMA({"id": "meter", **few_lines["lenz"]})
        source = few_lines["external_components"][0]
        self.assertEqual(source["components"], ["lenz"])
        self.assertTrue((ROOT.joinpath(*Path(source["source"]["path"]).parts[1:]) / "lenz/__init__.py").exists())
        self.assertEqual({item["platform"] for item in packages["sensor"]}, {"lenz"})

    def test_each_key_in_the_table_is_a_quantity_of_the_meter(self):
        header = (ROOT / "measurement/quantities.h").read_text()
        quantities = set(re.findall(r"QuantityRow\{Quantity::(\w+)", header))
        self.assertLessEqual({row[0] for row in {**chip.OF_PHASE, **chip.OF_CHIP}.values()}, quantities)

    def test_a_factor_that_the_hub_would_not_see_is_refused_with_the_remedy(self):
        big = {**a_chip()["phase_a"], "power": {"name": "Mains", "filters": [{"multiply": 2}]}}
        self.refuses(chip, a_chip(phase_a=big), "say 'multiplier: 2' beside gain_ct")
        self.assertEqual(chip.CONFIG_SCHEMA(a_chip(phase_a={**a_chip()["phase_a"], "multiplier": 2}))["phase_a"]["multiplier"], 2)

    def test_what_is_not_served_is_said(self):
        angle = {**a_chip()["phase_a"], "phase_angle": {"name": "Angle"}}
        self.refuses(chip, a_chip(phase_a=angle), "does not serve this key")
        self.refuses(chip, a_chip(line_frequency="55Hz"), "50HZ, 60HZ")
        self.refuses(chip, a_chip(gain_pga="3X"), "1X, 2X, 4X")
        self.refuses(chip, a_chip(wobble=3), "extra keys not allowed")
        self.refuses(chip, a_chip(phase_a={"gain_ct": 70000}), "0 to 65535")

    def test_the_files_that_it_brings_compile_on_their_own(self):
        self.generate(lenz, {"id": "meter", "home": "home", "device": "cellar"})
        self.assertIn("src/firmware/device.cc", CORE.build_files)
        self.assertIn("src/report.pb.h", CORE.build_files)
        self.assertFalse([name for name in CORE.build_files if "_test" in name or "boards" in name])
        with tempfile.TemporaryDirectory() as node:
            for name, path in CORE.build_files.items():
                target = Path(node) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
            source = Path(node) / "src"
            main = source / "main.cpp"
            main.write_text('#include "lenz.h"\n')
            checked = subprocess.run(
                ["g++", "-std=gnu++23", "-fsyntax-only", "-fno-exceptions", "-fno-rtti", f"-I{source}",
                 f"-I{HERE / 'include'}",
                 f"-I{ROOT / 'firmware/boards/esphome/components/lenz'}", str(main),
                 str(source / "measurement/report_codec.cc"), str(source / "firmware/device.cc")],
                capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)


if __name__ == "__main__":
    unittest.main()
