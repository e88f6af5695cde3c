"""The table of docs/configuration.md, as the model of the configuration has it."""

import json
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.keys.configuration import CHANGEABLE, Configuration
from config.keys.values import Change

_TYPES = {bool: "true or false", int: "whole number", list: "list", dict: "mapping"}


def table(model: type[BaseModel] = Configuration) -> str:
    head = "| Key | Type | Default | Meaning | Example |\n|---|---|---|---|---|\n"
    return head + "\n".join(
        f"| {' | '.join(_cells(key, info))} |" for key, info in model.model_fields.items()
    )


def changeable() -> str:
    """The keys that can change while Berth runs, by why they can."""
    return "\n".join(
        f"- {why[0].upper()}{why[1:]}: "
        + ", ".join(f"`{key}`" for key, mark in CHANGEABLE.items() if mark is why)
        + "."
        for why in Change
    )


def _cells(key: str, info: FieldInfo) -> tuple[str, ...]:
    example = (info.examples or [None])[0]
    default = "needed" if info.default is PydanticUndefined else _shown(info.default)
    return f"`{key}`", _type(info.annotation), default, info.description or "", _shown(example)


def _type(annotation: Any) -> str:
    kind: Any = get_origin(annotation) or annotation
    if kind in _TYPES:
        return _TYPES[kind]
    if kind in (Union, UnionType):
        return " or ".join(_type(part) for part in get_args(annotation) if part is not NoneType)
    return " or ".join(f"`{choice}`" for choice in get_args(annotation)) or "text"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f"`{value}`" if value else "empty"
    return "not set" if value is None else f"`{json.dumps(value)}`"
