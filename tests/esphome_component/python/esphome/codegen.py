"""Expressions of C++ as text; what is added is kept in CORE."""

from .core import CORE


class Expression:
    def __init__(self, text):
        self.text = text

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *values: Expression(f"{self.text}->{name}({', '.join(map(said, values))})")

    def __str__(self):
        return self.text


class Namespace(Expression):
    def namespace(self, name):
        return Namespace(f"{self.text}::{name}" if self.text else name)

    def class_(self, name, *_):
        return Expression(f"{self.text}::{name}")

    struct = class_


class StructInitializer(Expression):
    def __init__(self, base, *members):
        inner = ", ".join(f".{name} = {said(value)}" for name, value in members)
        super().__init__(f"{base}{{{inner}}}")


def said(value):
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


RawExpression = Expression
Component = Expression("esphome::Component")
global_ns = Namespace("")
esphome_ns = Namespace("esphome")


def add(expression):
    CORE.statements.append(str(expression))


def add_library(name, version):
    CORE.libraries[name] = version


def set_cpp_standard(standard):
    CORE.cpp_standard = standard


def new_Pvariable(declared):
    CORE.statements.append(f"{declared.id} = new {declared.type}()")
    return Expression(declared.id)


async def register_component(var, config):
    CORE.statements.append(f"App.register_component({var})")


async def get_variable(used):
    return Expression(used.id)
