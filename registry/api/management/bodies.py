"""What bodies of ``/api/v1/`` may say. Nothing is taken for something else; what is not asked for
is overlooked, and ``null`` is as good as nothing."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from rest_framework import serializers

_MAX_SECONDS = 253_402_300_799  # the last second that a date can hold
_REQUIRED = {"required": "is required", "null": "must not be null"}


class Text(serializers.CharField):
    """Text as it was sent, blanks and line ends too: a number is none."""

    default_error_messages = {
        **_REQUIRED,
        "invalid": "must be given as text",
        "blank": "must not be empty",
        "max_length": "must have at most {max_length} characters",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class Line(Text):
    """Text of printable ASCII, as digests and names are."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not (text.isascii() and text.isprintable()):
            self.fail("invalid")
        return text


class Choice(Text):
    def __init__(self, words: Collection[str], **options: Any) -> None:
        super().__init__(**options)
        self.words = list(words)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text not in self.words:
            raise serializers.ValidationError(f"must be one of {', '.join(self.words)}")
        return text


class Truth(serializers.BooleanField):
    """``true`` or ``false``, and no words for them."""

    default_error_messages = {**_REQUIRED, "invalid": "must be true or false"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class Number(serializers.IntegerField):
    default_error_messages = {**_REQUIRED, "invalid": "must be a whole number"}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, int) or isinstance(data, bool) or not 0 <= data <= _MAX_SECONDS:
            self.fail("invalid")
        return data


class Moment(Number):
    """Seconds since 1970."""

    default_error_messages = {**_REQUIRED, "invalid": "must be seconds since 1970, or null"}

    def to_internal_value(self, data: Any) -> Any:
        return datetime.fromtimestamp(super().to_internal_value(data), tz=UTC)


class Value(serializers.Field[Any, Any, Any, Any]):
    """A number or a text: a lifetime such as ``5d`` is the one, how many is the other."""

    default_error_messages = {**_REQUIRED, "invalid": "must be a number or text"}

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            self.fail("invalid")
        return str(data)


class Object(serializers.DictField):
    """A mapping from names to whatever is written there."""

    default_error_messages = {**_REQUIRED, "not_a_dict": "must be an object"}


class Body(serializers.Serializer[Any]):
    """``nulls`` are the fields of which ``null`` says something."""

    nulls: ClassVar[frozenset[str]] = frozenset()


class TagChange(Body):
    """What is to be changed of a tag, all of it or nothing. An expiry of null is taken away."""

    nulls = frozenset({"expiration"})

    manifest_digest = Line(required=False)
    expiration = Moment(required=False, allow_null=True)
    immutable = Truth(required=False)

    def validate(self, attrs: Any) -> Any:
        if not attrs:
            raise serializers.ValidationError(f"give one or more of {', '.join(self.fields)}")
        return attrs


class ManifestChoice(Body):
    """Which manifest of a tag is meant."""

    manifest_digest = Line()


def read(body: type[Body], document: Mapping[str, Any]) -> dict[str, Any]:
    """The values in ``document``. Raises REST framework's ``ValidationError``."""
    values = {
        name: value for name, value in document.items() if value is not None or name in body.nulls
    }
    checked = body(data=values)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)
