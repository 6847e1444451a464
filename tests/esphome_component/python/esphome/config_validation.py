"""The validators that our schema uses, on voluptuous as ESPHome's are."""

import re

import voluptuous
from voluptuous import ALLOW_EXTRA, All, Invalid, Optional, Required  # noqa: F401

from .const import CONF_ID


class Schema(voluptuous.Schema):
    def extend(self, other):
        return super().extend(other.schema if isinstance(other, Schema) else other)


class Id:
    def __init__(self, name, cpp_type):
        self.id, self.type = name, cpp_type


class Milliseconds:
    def __init__(self, count):
        self.total_milliseconds = count


class GenerateID(Optional):
    """A key that gets a name of its own where none is given."""

    def __init__(self, key=CONF_ID):
        super().__init__(key, default=lambda: None)


generated = iter(range(10**9))


def declare_id(cpp_type):
    return lambda value: Id(value or f"generated_{next(generated)}", cpp_type)


def use_id(cpp_type):
    return lambda value: Id(value or f"the_{str(cpp_type).rsplit('::', 1)[-1].lower()}", cpp_type)


COMPONENT_SCHEMA = Schema({Optional("setup_priority"): float})


def string_strict(value):
    if not isinstance(value, str):
        raise Invalid("must be text")
    return value


def boolean(value):
    words = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise Invalid("must be true or false")
    return words[str(value).lower()]


def int_range(least, greatest):
    def check(value):
        try:
            number = int(str(value), 0)
        except ValueError:
            raise Invalid("must be a whole number") from None
        if not least <= number <= greatest:
            raise Invalid(f"must be {least} to {greatest}")
        return number

    return check


uint16_t = int_range(0, 65535)


def one_of(*values, int=False):  # noqa: A002
    def check(value):
        value = int_range(-(2**31), 2**31 - 1)(value) if int else value
        if value not in values:
            raise Invalid(f"must be one of {', '.join(map(str, values))}")
        return value

    return check


def enum(mapping, upper=False):
    def check(value):
        word = str(value).upper() if upper else str(value)
        if word not in mapping:
            raise Invalid(f"must be one of {', '.join(mapping)}")
        return mapping[word]

    return check


def validate_bytes(value):
    found = re.fullmatch(r"(\d+) ?(k|M)?B?", str(value))
    if not found:
        raise Invalid("must be a number of bytes")
    return int(found[1]) * {None: 1, "k": 1000, "M": 1000000}[found[2]]


def positive_time_period_milliseconds(value):
    found = re.fullmatch(r"(\d+)(ms|s|min)", str(value))
    if not found:
        raise Invalid("must be a time such as 10s")
    return Milliseconds(int(found[1]) * {"ms": 1, "s": 1000, "min": 60000}[found[2]])
