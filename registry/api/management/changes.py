"""What bodies of ``/api/v1/`` may say, as serializers that take nothing for something else."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

_MAX_SECONDS = 253_402_300_799  # the last second that a date can hold


class _Text(serializers.CharField):
    """Text as it was sent: a number is none."""

    default_error_messages = {"invalid": "must be given as text"}

    def to_internal_value(self, data: Any) -> str:
        if not (isinstance(data, str) and data.isascii() and data.isprintable()):
            self.fail("invalid")
        return data


class _Truth(serializers.BooleanField):
    """``true`` or ``false``, and no words for them."""

    default_error_messages = {"invalid": "must be true or false"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class _Moment(serializers.IntegerField):
    """Seconds since 1970."""

    default_error_messages = {"invalid": "must be seconds since 1970, or null"}

    def to_internal_value(self, data: Any) -> Any:
        is_number = isinstance(data, int) and not isinstance(data, bool)
        if not is_number or not 0 <= data <= _MAX_SECONDS:
            self.fail("invalid")
        return datetime.fromtimestamp(data, tz=UTC)


class TagChange(serializers.Serializer[Any]):
    """What is to be changed of a tag, all of it or nothing. An expiry of null is taken away."""

    manifest_digest = _Text(required=False)
    expiration = _Moment(required=False, allow_null=True)
    immutable = _Truth(required=False, allow_null=True)

    def validate(self, attrs: Any) -> Any:
        asked = self.initial_data.keys()
        if not asked or not asked <= self.fields.keys():
            raise serializers.ValidationError(f"give one or more of {', '.join(self.fields)}")
        return attrs


class ManifestChoice(serializers.Serializer[Any]):
    """Which manifest of a tag is meant."""

    manifest_digest = _Text(error_messages={"required": "must be given as text"})


def read(serializer: type[serializers.Serializer[Any]], document: Mapping[str, Any]) -> Any:
    """The values in ``document``. Raises REST framework's ``ValidationError``."""
    checked = serializer(data=document)
    checked.is_valid(raise_exception=True)
    return checked.validated_data
