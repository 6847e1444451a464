import esphome.codegen as cg
import esphome.config_validation as cv
from esphome.const import CONF_CS_PIN

SPIDevice = cg.Expression("esphome::spi::SPIDevice")


def spi_device_schema():
    return cv.Schema({cv.Required(CONF_CS_PIN): object, cv.Optional("spi_id"): str, cv.Optional("release_device"): cv.boolean})


async def register_spi_device(var, config):
    cg.add(var.set_cs_pin(config[CONF_CS_PIN]))
