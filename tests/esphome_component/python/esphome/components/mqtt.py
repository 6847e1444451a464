import esphome.codegen as cg

MQTTClientComponent = cg.Expression("esphome::mqtt::MQTTClientComponent")
