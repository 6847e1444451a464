import esphome.codegen as cg
import esphome.config_validation as cv

Sensor = cg.Expression("esphome::sensor::Sensor")


def sensor_schema(unit_of_measurement="", accuracy_decimals=0, device_class="", state_class=""):
    return cv.Schema(
        {
            cv.GenerateID(): cv.declare_id(Sensor),
            cv.Required("name"): str,
            cv.Optional("unit_of_measurement", default=unit_of_measurement): str,
            cv.Optional("accuracy_decimals", default=accuracy_decimals): int,
            cv.Optional("device_class", default=device_class): str,
            cv.Optional("state_class", default=state_class): str,
            cv.Optional("filters"): list,
        }
    )


async def new_sensor(config):
    var = cg.new_Pvariable(config["id"])
    cg.add(var.set_name(config["name"]))
    return var
