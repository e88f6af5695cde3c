"""What values of ``config.yaml`` may be, beyond plain types: checked, with words for a person."""

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, PlainValidator
from pydantic_core import PydanticCustomError

from accounts.audit.destinations import DestinationInvalid, parse_destination
from artifacts.oci.lifetimes import LifetimeInvalid, parse_lifetime
from artifacts.policy.presets import Preset
from artifacts.policy.types_text import TypesInvalid, check_types
from config.keys.storage_drivers import check_driver
from registry.retention.rules import RuleInvalid, rule_of_policy

_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+", re.ASCII)
_HOST = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII | re.IGNORECASE)
_BYTES_PER_UNIT = {"M": 1024**2, "G": 1024**3}


class Change(StrEnum):
    """Why a key can change while Berth runs, for a person: a mark on the key's type.

    A key without one is fixed at the start: where Berth listens, where it keeps things, its
    secrets, the timetable of its jobs, who signs in how.
    """

    ASKED_EACH_TIME = "asked for at each request or by each job"
    DECIDES_RIGHTS = "asked for at each decision; a change makes remembered decisions void"
    WRITTEN_LATER = "holds for what is written after the change"
    ISSUED_LATER = "holds for tokens that are issued after the change"
    SET_BY_PROCESS = "each process sets it for its loggers"


def impossible(key: str, problem: str) -> PydanticCustomError:
    """What is wrong with ``key``, in words that follow its name."""
    return PydanticCustomError("impossible", "{problem}", {"key": key, "problem": problem})


def bytes_of(size: str) -> int:
    return int(size[:-1]) * _BYTES_PER_UNIT[size[-1]]


def _check_size(text: str) -> str:
    if not (text[:-1].isascii() and text[:-1].isdigit() and text[-1] in _BYTES_PER_UNIT):
        raise PydanticCustomError("size", "a whole number followed by M or G, such as 20G")
    return text


def _check_origin(text: str) -> str:
    if text != "*" and not _ORIGIN.fullmatch(text):
        raise PydanticCustomError("origin", "scheme and host, such as https://ui.example.com, or *")
    return text


def _check_place(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError as error:
        is_address = "/" in text or text.replace(".", "").isdigit()
        if is_address or not _HOST.fullmatch(text):
            raise PydanticCustomError(
                "place", "a network such as 10.20.0.0/16, or a name such as ci.example.internal"
            ) from error
    return text


def _check_database(uri: str) -> str:
    if not uri.startswith(("sqlite:///", "postgresql://")):
        raise PydanticCustomError(
            "database", "sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"
        )
    return uri


def _check_forward_to(text: str) -> str:
    try:
        return parse_destination(text).url if text else ""
    except DestinationInvalid as error:
        raise PydanticCustomError("destination", "{reason}", {"reason": str(error)}) from error


def _check_broker(url: str) -> str:
    if url != "django://" and not url.startswith(("redis://", "rediss://", "redis+socket://")):
        raise PydanticCustomError("broker", "django:// or redis://HOST:PORT/NUMBER")
    return url


def _check_lifetime(text: str) -> str:
    try:
        parse_lifetime(text)
    except LifetimeInvalid as error:
        raise PydanticCustomError(
            "lifetime", "a whole number and one of s, m (minutes), h, d, w or y, such as 2w"
        ) from error
    return text


def _check_artifact_types(value: Any) -> Any:
    if value == Preset.BUILTIN:
        return value
    try:
        return check_types(value)
    except TypesInvalid as error:
        raise impossible("ALLOWED_OCI_ARTIFACT_TYPES", f"{error}, or the word builtin") from error


def _check_retention_policy(policy: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        if policy is not None:
            rule_of_policy(policy)
    except RuleInvalid as error:
        raise PydanticCustomError(
            "retention", "a method and a value, such as number_of_tags and 10"
        ) from error
    return policy


Origin = Annotated[str, AfterValidator(_check_origin)]
OutgoingPlace = Annotated[str, AfterValidator(_check_place)]
Size = Annotated[str, AfterValidator(_check_size)]
Lifetime = Annotated[str, AfterValidator(_check_lifetime)]
DatabaseUri = Annotated[str, AfterValidator(_check_database)]
ForwardTo = Annotated[str, AfterValidator(_check_forward_to)]
BrokerUrl = Annotated[str, AfterValidator(_check_broker)]
ArtifactTypes = Annotated[
    dict[str, list[str]] | Literal["builtin"] | None, PlainValidator(_check_artifact_types)
]
StorageDriver = Annotated[list[Any], AfterValidator(check_driver)]
RetentionPolicy = Annotated[dict[str, Any] | None, AfterValidator(_check_retention_policy)]
