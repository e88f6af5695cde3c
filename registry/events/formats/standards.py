"""Forms that belong to nobody: Standard Webhooks 1.0, CloudEvents 1.0, and one's own."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from accounts.errors import AccountError
from registry.events.formats.registries import quay_document
from registry.events.formats.telling import ALL, Format, Message, Options, Told, json_message
from registry.events.kinds import EventType

CLOUDEVENTS_TYPE: Final = "application/cloudevents+json"
MAX_TEMPLATE_LENGTH: Final = 8000
_PLACE: Final = re.compile(r"\$\{([^{}]*)\}")
_PATH: Final = re.compile(
    r"(?:\$\.)?([A-Za-z_][A-Za-z0-9_-]*)((?:\.[A-Za-z_][A-Za-z0-9_-]*|\[\d{1,4}\])*)"
)
_STEP: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]")
_MISSING: Final = "(none)"
_NOUNS: Final[Mapping[str, str]] = {"tag": "container.image", "manifest": "container.image"}


class TemplateRefused(AccountError):
    """It is no JSON, or asks for something in a way that is not known."""


def document_of(told: Told) -> dict[str, Any]:
    """An event in our own words."""
    return {"type": str(told.kind), "timestamp": told.moment, "data": dict(told.data)}


def _standard(events: Sequence[Told], url: str, options: Options) -> Message:
    return json_message(document_of(events[0]))


def _cloudevents(events: Sequence[Told], url: str, options: Options) -> Message:
    told = events[0]
    return json_message(
        {
            "specversion": "1.0",
            "id": str(told.uuid),
            "source": told.link,
            "type": _cloud_type(told.kind),
            "subject": _subject(told),
            "time": told.moment,
            "datacontenttype": "application/json",
            "data": {**told.data, "registry": told.host},
        },
        CLOUDEVENTS_TYPE,
    )


def _cloud_type(kind: EventType) -> str:
    noun, _, verb = str(kind).partition(".")
    thing = _NOUNS.get(noun, noun)
    return f"dev.berth.{thing}.{verb}"


def _subject(told: Told) -> str:
    place = told.repository or told.namespace or told.host
    if told.tag:
        return f"{place}:{told.tag}"
    return f"{place}@{told.digest}" if told.digest else place


def _template(events: Sequence[Told], url: str, options: Options) -> Message:
    told = events[0]
    known = {**quay_document(told), **document_of(told), "event_data": dict(told.data)}
    return json_message(_filled(json.loads(options["template"]), known))


def check_template(text: str) -> None:
    """Raises ``TemplateRefused``."""
    if not 0 < len(text) <= MAX_TEMPLATE_LENGTH:
        raise TemplateRefused(f"a template has from 1 to {MAX_TEMPLATE_LENGTH} characters")
    try:
        template = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TemplateRefused(f"the template is no JSON: {error}") from error
    try:
        _check(template)
    except RecursionError as error:
        raise TemplateRefused("the template is nested too deeply") from error


def _check(part: Any) -> None:
    match part:
        case dict():
            for name, value in part.items():
                _check(name)
                _check(value)
        case list():
            for value in part:
                _check(value)
        case str():
            for place in _PLACE.findall(part):
                if _PATH.fullmatch(place.strip()) is None:
                    raise TemplateRefused(
                        f"${{{place}}} cannot be looked up: write names with dots and numbers in"
                        " brackets, such as ${data.tag} or ${updated_tags[0]}"
                    )


def _filled(part: Any, known: Mapping[str, Any]) -> Any:
    match part:
        case dict():
            return {
                str(_filled(name, known)): _filled(value, known) for name, value in part.items()
            }
        case list():
            return [_filled(value, known) for value in part]
        case str():
            if whole := _PLACE.fullmatch(part):
                return _found(whole[1], known)
            return _PLACE.sub(lambda place: _text(_found(place[1], known)), part)
    return part


def _found(path: str, known: Mapping[str, Any]) -> Any:
    parts = _PATH.fullmatch(path.strip())
    if parts is None:
        return _MISSING
    value: Any = known.get(parts[1], _MISSING)
    for name, number in _STEP.findall(parts[2]):
        if name and isinstance(value, dict) and name in value:
            value = value[name]
        elif number and isinstance(value, list) and int(number) < len(value):
            value = value[int(number)]
        else:
            return _MISSING
    return _MISSING if value is None else value


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, dict | bool):
        return json.dumps(value)
    return str(value)


STANDARD = Format("Standard Webhooks", ALL, _standard)
CLOUDEVENTS = Format("CloudEvents", ALL, _cloudevents)
TEMPLATE = Format("Template of your own", ALL, _template)
