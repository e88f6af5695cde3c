"""Types as schemas: those of ``TypedDict`` for what is answered, those of bodies for what is
taken."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from registry.api.management import bodies

Schema = dict[str, Any]

_PLAIN: Final[Mapping[Any, Mapping[str, str]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}
_KINDS: Final[tuple[tuple[type, Mapping[str, Any]], ...]] = (
    (bodies.Truth, {"type": "boolean"}),
    (bodies.Number, {"type": "integer", "minimum": 0}),
    (bodies.Object, {"type": "object"}),
)


class AnswerForms:
    """Types of answers as JSON Schema. Each with a name stands once in ``schemas``."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}
        self._types: dict[str, Any] = {}

    def schema(self, form: Any) -> Schema:
        """Raises ``TypeError`` for a type that answers have none of, and for two of one name."""
        if is_typeddict(form):
            return self._named(form)
        if get_origin(form) is None and form in _PLAIN:
            return dict(_PLAIN[form])
        return self._composed(get_origin(form), get_args(form))

    def _composed(self, origin: Any, inner: tuple[Any, ...]) -> Schema:
        if origin is Literal:
            return {"type": "string", "enum": list(inner)}
        if origin is list:
            return {"type": "array", "items": self.schema(inner[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.schema(inner[1])}
        if origin in (Union, UnionType):
            return _either([self.schema(one) for one in inner])
        raise TypeError(f"no answer is made of {origin}")

    def _named(self, form: Any) -> Schema:
        name = form.__name__
        if self._types.setdefault(name, form) is not form:
            raise TypeError(f"two forms are called {name}")
        if name not in self.schemas:
            hints = get_type_hints(form)
            fields = {field: self.schema(kind) for field, kind in hints.items()}
            self.schemas[name] = _object(fields, form.__required_keys__)
        return reference(name)


def has_pages(form: Any) -> bool:
    """Whether the answer may say where its list goes on."""
    return is_typeddict(form) and "next_page" in get_type_hints(form)


def body_schema(body: bodies.Body, *, has_null: bool) -> Schema:
    """What is taken. Swagger 2.0 has no null."""
    fields = {str(name): _field(one, has_null=has_null) for name, one in body.fields.items()}
    return _object(fields, {str(name) for name, one in body.fields.items() if one.required})


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(fields: dict[str, Schema], required: set[str] | frozenset[str]) -> Schema:
    needed = [name for name in fields if name in required]
    return {"type": "object", "properties": fields, **({"required": needed} if needed else {})}


def _either(schemas: list[Schema]) -> Schema:
    if all(set(one) == {"type"} for one in schemas):
        return {"type": [one["type"] for one in schemas]}
    return {"anyOf": schemas}


def _field(field: Any, *, has_null: bool) -> Schema:
    if isinstance(field, bodies.Body):
        return body_schema(field, has_null=has_null)
    if isinstance(field, bodies.Choice):
        return {"type": "string", "enum": list(field.words)}
    if isinstance(field, bodies.Text):
        most = {} if field.max_length is None else {"maxLength": field.max_length}
        least = {} if field.allow_blank else {"minLength": 1}
        return {"type": "string", **least, **most}
    described = dict(next((kind for cls, kind in _KINDS if isinstance(field, cls)), {}))
    if has_null and field.allow_null:
        described["type"] = [described["type"], "null"]
    return described
