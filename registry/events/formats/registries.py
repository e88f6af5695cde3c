"""Forms of other registries, so that what was made for them works unchanged.

Sources: Quay's ``notifications``; Harbor's ``pkg/notifier/formats``; distribution's
``notifications``; the web hooks of Docker Hub.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from registry.events.formats.telling import Format, Message, Options, Told, json_message
from registry.events.kinds import DELETIONS, NEVER, PUSHES, EventType

DISTRIBUTION_TYPE: Final = "application/vnd.docker.distribution.events.v2+json"

_TAGGED: Final = frozenset({EventType.TAG_PUSHED, EventType.TAG_MOVED, EventType.TAG_RESTORED})
_ALWAYS: Final = frozenset({EventType.PING})


def quay_document(told: Told) -> dict[str, Any]:
    document: dict[str, Any] = {
        "repository": told.repository,
        "namespace": told.namespace,
        "name": told.name,
        "docker_url": f"{told.host}/{told.repository}",
        "homepage": told.link,
    }
    if told.kind is EventType.TAG_EXPIRING:
        return {**document, "tags": [told.tag], "expiring_in": _left(told)}
    return {**document, "updated_tags": [told.tag] if told.tag else []}


def _left(told: Told) -> str:
    days = (datetime.fromisoformat(told.text("expires_at")) - told.at).days
    return f"{days} day{'' if days == 1 else 's'}"


def _quay(events: Sequence[Told], url: str, options: Options) -> Message:
    return json_message(quay_document(events[0]))


def _harbor(events: Sequence[Told], url: str, options: Options) -> Message:
    told = events[0]
    artifact = {"digest": told.digest, "tag": told.tag}
    reference = f":{told.tag}" if told.tag else f"@{told.digest}"
    place = {"resource_url": f"{told.host}/{told.repository}{reference}"}
    return json_message(
        {
            "type": "DELETE_ARTIFACT" if told.kind in DELETIONS else "PUSH_ARTIFACT",
            "occur_at": told.seconds,
            "operator": told.actor,
            "event_data": {
                "resources": [{k: v for k, v in artifact.items() if v} | place],
                "repository": {
                    "date_created": told.created_seconds,
                    "name": told.name,
                    "namespace": told.namespace,
                    "repo_full_name": told.repository,
                    "repo_type": "public" if told.data.get("is_public") else "private",
                },
            },
        }
    )


def _distribution(events: Sequence[Told], url: str, options: Options) -> Message:
    return json_message({"events": [_entry(told) for told in events]}, DISTRIBUTION_TYPE)


def _entry(told: Told) -> dict[str, Any]:
    size = int(told.data.get("size") or 0)
    target = {
        "mediaType": told.text("media_type"),
        "size": size,
        "digest": told.digest,
        "length": size,
        "repository": told.repository,
        "url": f"{told.registry_url}/v2/{told.repository}/manifests/{told.digest}",
        "tag": told.tag,
    }
    is_deletion = told.kind in DELETIONS
    return {
        "id": str(told.uuid),
        "timestamp": told.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "action": "delete" if is_deletion else "push",
        "target": {name: value for name, value in target.items() if value != ""},
        "request": {
            "id": str(told.uuid),
            "host": told.host,
            "method": "DELETE" if is_deletion else "PUT",
        },
        "actor": {"name": told.actor},
        "source": {"addr": told.host},
    }


def _dockerhub(events: Sequence[Told], url: str, options: Options) -> Message:
    told = events[0]
    return json_message(
        {
            "push_data": {"pushed_at": told.seconds, "pusher": told.actor, "tag": told.tag},
            "repository": {
                "name": told.name,
                "namespace": told.namespace,
                "repo_name": told.repository,
                "repo_url": f"{told.registry_url}/{told.repository}",
                "is_private": not told.data.get("is_public"),
                "date_created": told.created_seconds,
                "status": "Active",
            },
            "callback_url": "",
        }
    )


QUAY = Format("Quay", _TAGGED | {EventType.TAG_EXPIRING} | NEVER | _ALWAYS, _quay)
HARBOR = Format("Harbor", PUSHES | DELETIONS | _ALWAYS, _harbor)
DISTRIBUTION = Format("distribution (Docker Registry)", PUSHES | DELETIONS | _ALWAYS, _distribution)
DOCKERHUB = Format("Docker Hub", _TAGGED | _ALWAYS, _dockerhub)
