"""The table of docs/configuration.md, as the model of the configuration has it."""

import json
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.keys.configuration import Configuration

_TYPES = {bool: "true or false", int: "whole number", list: "list", dict: "mapping"}


def table(model: type[BaseModel] = Configuration) -> str:
    head = "| Key | Type | Default | Meaning | Example |\n|---|---|---|---|---|\n"
    return head + "\n".join(_row(key, info) for key, info in model.model_fields.items())


def _row(key: str, info: FieldInfo) -> str:
    example = (info.examples or [None])[0]
    default = "needed" if info.default is PydanticUndefined else _shown(info.default)
    cells = (f"`{key}`", _type(info.annotation), default, info.description or "", _shown(example))
    return "| " + " | ".join(cells) + " |"


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
