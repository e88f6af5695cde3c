"""Forms that belong to nobody: Standard Webhooks 1.0, CloudEvents 1.0, and one's own."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from accounts.errors import AccountError
from registry.events.formats.registries import quay_document
from registry.events.formats.telling import ALL, EventFacts, Format, Message, Options, json_message
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


def document_of(event: EventFacts) -> dict[str, Any]:
    """An event in our own words."""
    return {"type": str(event.kind), "timestamp": event.moment, "data": dict(event.data)}


def _standard(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    return json_message(document_of(events[0]))


def _cloudevents(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    event = events[0]
    return json_message(
        {
            "specversion": "1.0",
            "id": str(event.uuid),
            "source": event.link,
            "type": _cloud_type(event.kind),
            "subject": _subject(event),
            "time": event.moment,
            "datacontenttype": "application/json",
            "data": {**event.data, "registry": event.host},
        },
        CLOUDEVENTS_TYPE,
    )


def _cloud_type(kind: EventType) -> str:
    noun, _, verb = str(kind).partition(".")
    thing = _NOUNS.get(noun, noun)
    return f"dev.berth.{thing}.{verb}"


def _subject(event: EventFacts) -> str:
    place = event.repository or event.namespace or event.host
    if event.tag:
        return f"{place}:{event.tag}"
    return f"{place}@{event.digest}" if event.digest else place


def _template(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    event = events[0]
    values = {**quay_document(event), **document_of(event), "event_data": dict(event.data)}
    return json_message(_filled(json.loads(options["template"]), values))


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


def _filled(part: Any, values: Mapping[str, Any]) -> Any:
    match part:
        case dict():
            return {
                str(_filled(name, values)): _filled(value, values) for name, value in part.items()
            }
        case list():
            return [_filled(value, values) for value in part]
        case str():
            if whole := _PLACE.fullmatch(part):
                return _value_at(whole[1], values)
            return _PLACE.sub(lambda place: _text(_value_at(place[1], values)), part)
    return part


def _value_at(path: str, values: Mapping[str, Any]) -> Any:
    parts = _PATH.fullmatch(path.strip())
    if parts is None:
        return _MISSING
    value: Any = values.get(parts[1], _MISSING)
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
