"""Forms of other registries, so that what was made for them works unchanged.

Sources: Quay's ``notifications``; Harbor's ``pkg/notifier/formats``; distribution's
``notifications``; the web hooks of Docker Hub.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from registry.events.formats.telling import EventFacts, Format, Message, Options, json_message
from registry.events.kinds import DELETIONS, NEVER, PUSHES, EventType

DISTRIBUTION_TYPE: Final = "application/vnd.docker.distribution.events.v2+json"

_TAGGED: Final = frozenset({EventType.TAG_PUSHED, EventType.TAG_MOVED, EventType.TAG_RESTORED})
_ALWAYS: Final = frozenset({EventType.PING})


def quay_document(event: EventFacts) -> dict[str, Any]:
    document: dict[str, Any] = {
        "repository": event.repository,
        "namespace": event.namespace,
        "name": event.name,
        "docker_url": f"{event.host}/{event.repository}",
        "homepage": event.link,
    }
    if event.kind is EventType.TAG_EXPIRING:
        return {**document, "tags": [event.tag], "expiring_in": _left(event)}
    return {**document, "updated_tags": [event.tag] if event.tag else []}


def _left(event: EventFacts) -> str:
    days = (datetime.fromisoformat(event.text("expires_at")) - event.at).days
    return f"{days} day{'' if days == 1 else 's'}"


def _quay(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    return json_message(quay_document(events[0]))


def _harbor(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    event = events[0]
    artifact = {"digest": event.digest, "tag": event.tag}
    reference = f":{event.tag}" if event.tag else f"@{event.digest}"
    place = {"resource_url": f"{event.host}/{event.repository}{reference}"}
    return json_message(
        {
            "type": "DELETE_ARTIFACT" if event.kind in DELETIONS else "PUSH_ARTIFACT",
            "occur_at": event.seconds,
            "operator": event.actor,
            "event_data": {
                "resources": [{k: v for k, v in artifact.items() if v} | place],
                "repository": {
                    "date_created": event.created_seconds,
                    "name": event.name,
                    "namespace": event.namespace,
                    "repo_full_name": event.repository,
                    "repo_type": "public" if event.data.get("is_public") else "private",
                },
            },
        }
    )


def _distribution(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    return json_message({"events": [_entry(event) for event in events]}, DISTRIBUTION_TYPE)


def _entry(event: EventFacts) -> dict[str, Any]:
    size = int(event.data.get("size") or 0)
    target = {
        "mediaType": event.text("media_type"),
        "size": size,
        "digest": event.digest,
        "length": size,
        "repository": event.repository,
        "url": f"{event.registry_url}/v2/{event.repository}/manifests/{event.digest}",
        "tag": event.tag,
    }
    is_deletion = event.kind in DELETIONS
    return {
        "id": str(event.uuid),
        "timestamp": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "action": "delete" if is_deletion else "push",
        "target": {name: value for name, value in target.items() if value != ""},
        "request": {
            "id": str(event.uuid),
            "host": event.host,
            "method": "DELETE" if is_deletion else "PUT",
        },
        "actor": {"name": event.actor},
        "source": {"addr": event.host},
    }


def _dockerhub(events: Sequence[EventFacts], url: str, options: Options) -> Message:
    event = events[0]
    return json_message(
        {
            "push_data": {"pushed_at": event.seconds, "pusher": event.actor, "tag": event.tag},
            "repository": {
                "name": event.name,
                "namespace": event.namespace,
                "repo_name": event.repository,
                "repo_url": f"{event.registry_url}/{event.repository}",
                "is_private": not event.data.get("is_public"),
                "date_created": event.created_seconds,
                "status": "Active",
            },
            "callback_url": "",
        }
    )


QUAY = Format("Quay", _TAGGED | {EventType.TAG_EXPIRING} | NEVER | _ALWAYS, _quay)
HARBOR = Format("Harbor", PUSHES | DELETIONS | _ALWAYS, _harbor)
DISTRIBUTION = Format("distribution (Docker Registry)", PUSHES | DELETIONS | _ALWAYS, _distribution)
DOCKERHUB = Format("Docker Hub", _TAGGED | _ALWAYS, _dockerhub)
