"""A metering chip: the keys of ESPHome's own atm90e32, served by Lenz's driver."""

import logging

import esphome.codegen as cg
from esphome.components import sensor, spi
import esphome.config_validation as cv
from esphome.const import (
    CONF_CURRENT,
    CONF_FREQUENCY,
    CONF_ID,
    CONF_POWER,
    CONF_POWER_FACTOR,
    CONF_REACTIVE_POWER,
    CONF_UPDATE_INTERVAL,
    CONF_VOLTAGE,
    DEVICE_CLASS_APPARENT_POWER,
    DEVICE_CLASS_CURRENT,
    DEVICE_CLASS_ENERGY,
    DEVICE_CLASS_FREQUENCY,
    DEVICE_CLASS_POWER,
    DEVICE_CLASS_POWER_FACTOR,
    DEVICE_CLASS_REACTIVE_POWER,
    DEVICE_CLASS_TEMPERATURE,
    DEVICE_CLASS_VOLTAGE,
    STATE_CLASS_MEASUREMENT,
    STATE_CLASS_TOTAL_INCREASING,
    UNIT_AMPERE,
    UNIT_CELSIUS,
    UNIT_HERTZ,
    UNIT_VOLT,
    UNIT_VOLT_AMPS,
    UNIT_VOLT_AMPS_REACTIVE,
    UNIT_WATT,
    UNIT_WATT_HOURS,
)

from . import CONF_LENZ_ID, Meter, lenz_ns

DEPENDENCIES = ["lenz", "spi"]
_LOGGER = logging.getLogger(__name__)

Chip = lenz_ns.class_("Chip", cg.Component, spi.SPIDevice)
ChannelConfig = cg.global_ns.namespace("firmware").struct("ChannelConfig")

PHASES = ("phase_a", "phase_b", "phase_c")
CONF_LINE_FREQUENCY = "line_frequency"
CONF_GAIN_PGA = "gain_pga"
CONF_MULTIPLIER = "multiplier"

# Key in YAML: quantity of the meter, unit, decimals, device class.
OF_PHASE = {
    CONF_VOLTAGE: ("voltage", UNIT_VOLT, 2, DEVICE_CLASS_VOLTAGE),
    CONF_CURRENT: ("current", UNIT_AMPERE, 2, DEVICE_CLASS_CURRENT),
    CONF_POWER: ("active_power", UNIT_WATT, 2, DEVICE_CLASS_POWER),
    CONF_REACTIVE_POWER: ("reactive_power", UNIT_VOLT_AMPS_REACTIVE, 2, DEVICE_CLASS_REACTIVE_POWER),
    "apparent_power": ("apparent_power", UNIT_VOLT_AMPS, 2, DEVICE_CLASS_APPARENT_POWER),
    CONF_POWER_FACTOR: ("power_factor", None, 2, DEVICE_CLASS_POWER_FACTOR),
    "harmonic_power": ("harmonic_power", UNIT_WATT, 2, DEVICE_CLASS_POWER),
    "peak_current": ("peak_current", UNIT_AMPERE, 2, DEVICE_CLASS_CURRENT),
    "forward_active_energy": ("imported", UNIT_WATT_HOURS, 2, DEVICE_CLASS_ENERGY),
    "reverse_active_energy": ("exported", UNIT_WATT_HOURS, 2, DEVICE_CLASS_ENERGY),
}
OF_CHIP = {
    CONF_FREQUENCY: ("frequency", UNIT_HERTZ, 1, DEVICE_CLASS_FREQUENCY),
    "chip_temperature": ("chip_temperature", UNIT_CELSIUS, 1, DEVICE_CLASS_TEMPERATURE),
}
TOTALS = ("imported", "exported")

# Key in YAML: member of ChannelConfig, default, what it may be.
WORDS = {
    "gain_voltage": ("voltage_gain", 7305, cv.uint16_t),
    "gain_ct": ("current_gain", 27961, cv.uint16_t),
    CONF_MULTIPLIER: ("multiplier", 1, cv.one_of(1, 2, 4, int=True)),
    "offset_voltage": ("voltage_offset", 0, cv.int_range(-32768, 32767)),
    "offset_current": ("current_offset", 0, cv.int_range(-32768, 32767)),
    "offset_active_power": ("active_offset", 0, cv.int_range(-32768, 32767)),
    "offset_reactive_power": ("reactive_offset", 0, cv.int_range(-32768, 32767)),
}

# What belongs to ESPHome's own calibration, in whose place is Lenz's.
WITHOUT_MEANING = ("enable_offset_calibration", "enable_gain_calibration", "peak_current_signed")
NOT_SERVED = {
    "phase_angle": "it follows from power factor, which is there",
    "reference_voltage": "calibrate with Lenz instead",
    "reference_current": "calibrate with Lenz instead",
}


def entity(row):
    quantity, unit, decimals, device_class = row
    return sensor.sensor_schema(
        **({"unit_of_measurement": unit} if unit else {}),
        accuracy_decimals=decimals,
        device_class=device_class,
        state_class=STATE_CLASS_TOTAL_INCREASING if quantity in TOTALS else STATE_CLASS_MEASUREMENT,
    )


def without_factors(phase):
    """A factor in an entity's filters would be missing at the hub."""
    for key in (CONF_CURRENT, CONF_POWER):
        shown = phase.get(key)
        for step in (shown.get("filters") or [] if isinstance(shown, dict) else []):
            factor = step.get("multiply") if isinstance(step, dict) else None
            if factor in (2, 4, "2", "4"):
                raise cv.Invalid(
                    f"the hub does not see this filter: take 'multiply: {factor}' away from current "
                    f"and power and say 'multiplier: {factor}' beside gain_ct",
                    path=[key],
                )
    return phase


def reject(reason):
    def refuse(value):
        raise cv.Invalid(f"Lenz does not serve this key: {reason}, so take it away")

    return refuse


PHASE_SCHEMA = cv.All(
    cv.Schema({}, extra=cv.ALLOW_EXTRA),
    without_factors,
    cv.Schema(
        {
            **{cv.Optional(key): entity(row) for key, row in OF_PHASE.items()},
            **{cv.Optional(key, default=default): what for key, (_, default, what) in WORDS.items()},
            **{cv.Optional(key): reject(reason) for key, reason in NOT_SERVED.items()},
        }
    ),
)

CONFIG_SCHEMA = (
    cv.Schema(
        {
            cv.GenerateID(): cv.declare_id(Chip),
            cv.GenerateID(CONF_LENZ_ID): cv.use_id(Meter),
            **{cv.Optional(phase): PHASE_SCHEMA for phase in PHASES},
            **{cv.Optional(key): entity(row) for key, row in OF_CHIP.items()},
            cv.Required(CONF_LINE_FREQUENCY): cv.enum({"50HZ": 50, "60HZ": 60}, upper=True),
            cv.Optional(CONF_GAIN_PGA, default="2X"): cv.enum({"1X": 1, "2X": 2, "4X": 4}, upper=True),
            cv.Optional("current_phases", default="3"): cv.one_of("2", "3", 2, 3),
            cv.Optional(CONF_UPDATE_INTERVAL, default="10s"): cv.positive_time_period_milliseconds,
            **{cv.Optional(key): cv.boolean for key in WITHOUT_MEANING},
        }
    )
    .extend(cv.COMPONENT_SCHEMA)
    .extend(spi.spi_device_schema())
)


async def to_code(config):
    var = cg.new_Pvariable(config[CONF_ID])
    await cg.register_component(var, config)
    await spi.register_spi_device(var, config)
    for key in WITHOUT_MEANING:
        if config.get(key):
            _LOGGER.warning("lenz: '%s' has no meaning here: calibrate with Lenz", key)

    cg.add(var.set_line_frequency(config[CONF_LINE_FREQUENCY]))
    cg.add(var.set_update_interval(config[CONF_UPDATE_INTERVAL].total_milliseconds))
    for number, phase in enumerate(PHASES):
        if phase in config:
            await phase_to_code(var, number, config[phase], config[CONF_GAIN_PGA])
    for key, row in OF_CHIP.items():
        if key in config:
            await add_sensor(var, row, 0, config[key])

    meter = await cg.get_variable(config[CONF_LENZ_ID])
    cg.add(meter.add_chip(var))


async def phase_to_code(var, number, config, pga):
    # In the order of the struct's members.
    words = {member: config[key] for key, (member, _, _) in WORDS.items()}
    members = ("voltage_gain", "current_gain", "pga", "multiplier", "voltage_offset", "current_offset",
               "active_offset", "reactive_offset")
    channel = cg.StructInitializer(
        ChannelConfig, *((member, pga if member == "pga" else words[member]) for member in members)
    )
    cg.add(var.set_channel(number, channel))
    for key, row in OF_PHASE.items():
        if key in config:
            await add_sensor(var, row, 0 if key == CONF_VOLTAGE else number, config[key])


async def add_sensor(var, row, phase, config):
    shown = await sensor.new_sensor(config)
    cg.add(var.add_sensor(cg.RawExpression(f"::measurement::Quantity::{row[0]}"), phase, shown))
