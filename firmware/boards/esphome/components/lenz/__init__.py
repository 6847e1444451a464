"""Lenz's meter as an ESPHome component: numbered, timed samples for a Lenz hub."""

from pathlib import Path
import re

import esphome.codegen as cg
from esphome.components import esp32, mqtt
import esphome.config_validation as cv
from esphome.const import CONF_ID, CONF_MQTT_ID

DEPENDENCIES = ["esp32", "mqtt", "spi", "time"]
AUTO_LOAD = ["sensor"]
MULTI_CONF = False

CONF_DEVICE = "device"
CONF_HOME = "home"
CONF_LENZ_ID = "lenz_id"
CONF_OUTBOX = "outbox"

lenz_ns = cg.esphome_ns.namespace("lenz")
Meter = lenz_ns.class_("Meter", cg.Component)

ROOT = Path(__file__).resolve().parents[5]
VERSION = re.search(r"project\(lenz VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
NANOPB = "0.4.91"


def name(value):
    """A level of a topic, as the hub has it."""
    value = cv.string_strict(value)
    if not value or len(value) > 32 or any(c not in "abcdefghijklmnopqrstuvwxyz0123456789_-" for c in value):
        raise cv.Invalid(f"'{value}' must be 1 to 32 of a-z, 0-9, '_' and '-', as it is at the hub")
    return value


def bytes_of_outbox(value):
    value = cv.validate_bytes(value)
    if not 16 * 1024 <= value <= 4 * 1024 * 1024:
        raise cv.Invalid("the outbox takes 16kB to 4MB of the node's memory")
    return value


CONFIG_SCHEMA = cv.Schema(
    {
        cv.GenerateID(): cv.declare_id(Meter),
        cv.GenerateID(CONF_MQTT_ID): cv.use_id(mqtt.MQTTClientComponent),
        cv.Required(CONF_HOME): name,
        cv.Required(CONF_DEVICE): name,
        cv.Optional(CONF_OUTBOX, default="64kB"): bytes_of_outbox,
    }
).extend(cv.COMPONENT_SCHEMA)


def core_files():
    """The portable meter, from the folders that this component lies in."""
    for folder in ("measurement", "firmware"):
        for path in sorted((ROOT / folder).glob("*")):
            is_source = path.suffix in (".h", ".cc")
            if is_source and not path.stem.endswith(("_test", "_fuzz", "_bench")):
                yield f"src/{folder}/{path.name}", path
    for path in sorted((ROOT / "firmware/boards/wire").glob("*.pb.[ch]")):
        yield f"src/{path.name}", path


async def to_code(config):
    for target, path in core_files():
        esp32.add_extra_build_file(target, path)
    cg.add_library("nanopb/Nanopb", NANOPB)
    cg.set_cpp_standard("gnu++23")

    var = cg.new_Pvariable(config[CONF_ID])
    await cg.register_component(var, config)
    cg.add(var.set_mqtt(await cg.get_variable(config[CONF_MQTT_ID])))
    cg.add(var.set_home(config[CONF_HOME]))
    cg.add(var.set_device(config[CONF_DEVICE]))
    cg.add(var.set_outbox(config[CONF_OUTBOX]))
    cg.add(var.set_version(VERSION))
