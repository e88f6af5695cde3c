"""The kinds of events, each with its name, and a sentence about one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final


class EventType(StrEnum):
    """The value is the name that receivers get."""

    TAG_PUSHED = "tag.pushed"
    TAG_MOVED = "tag.moved"
    TAG_RESTORED = "tag.restored"
    TAG_DELETED = "tag.deleted"
    TAG_EXPIRED = "tag.expired"
    TAG_EXPIRING = "tag.expiring"
    MANIFEST_PUSHED = "manifest.pushed"
    MANIFEST_DELETED = "manifest.deleted"
    PUSH_REFUSED = "push.refused"
    SIGNATURE_FAILED = "signature.failed"
    RETENTION_FINISHED = "retention.finished"
    REPOSITORY_CREATED = "repository.created"
    REPOSITORY_DELETED = "repository.deleted"
    REPOSITORY_UNDELETED = "repository.undeleted"
    RIGHTS_GRANTED = "rights.granted"
    TOKEN_EXPIRING = "token.expiring"  # noqa: S105 - no secret
    MIRROR_STARTED = "mirror.started"
    MIRROR_SUCCEEDED = "mirror.succeeded"
    MIRROR_FAILED = "mirror.failed"
    VULNERABILITY_FOUND = "vulnerability.found"
    QUOTA_WARNING = "quota.warning"
    QUOTA_EXCEEDED = "quota.exceeded"
    PING = "registry.ping"


TITLES: Final[Mapping[EventType, str]] = {
    EventType.TAG_PUSHED: "A tag is pushed",
    EventType.TAG_MOVED: "A tag is moved to another manifest",
    EventType.TAG_RESTORED: "A tag is restored",
    EventType.TAG_DELETED: "A tag is deleted, by a person or by retention",
    EventType.TAG_EXPIRED: "A tag has expired",
    EventType.TAG_EXPIRING: "A tag is about to expire",
    EventType.MANIFEST_PUSHED: "A manifest is pushed without a tag",
    EventType.MANIFEST_DELETED: "A manifest is deleted",
    EventType.PUSH_REFUSED: "A push is refused by the artifact policy",
    EventType.SIGNATURE_FAILED: "A signature does not hold, or does no more",
    EventType.RETENTION_FINISHED: "Retention has removed tags",
    EventType.REPOSITORY_CREATED: "A repository is created",
    EventType.REPOSITORY_DELETED: "A repository is deleted",
    EventType.REPOSITORY_UNDELETED: "A repository is undeleted",
    EventType.RIGHTS_GRANTED: "Somebody gets rights in a repository",
    EventType.TOKEN_EXPIRING: "A token of a robot or a person is about to end",
}
"""What hooks are offered. Only a test is a ping."""

# Clients of Quay ask to be told of these, which do not happen here.
NEVER: Final = frozenset(
    {
        *(EventType.MIRROR_STARTED, EventType.MIRROR_SUCCEEDED, EventType.MIRROR_FAILED),
        *(EventType.VULNERABILITY_FOUND, EventType.QUOTA_WARNING, EventType.QUOTA_EXCEEDED),
    }
)

PUSHES: Final = frozenset(
    {EventType.TAG_PUSHED, EventType.TAG_MOVED, EventType.TAG_RESTORED, EventType.MANIFEST_PUSHED}
)
DELETIONS: Final = frozenset(
    {EventType.TAG_DELETED, EventType.TAG_EXPIRED, EventType.MANIFEST_DELETED}
)
# Of a person or a robot, and not of a repository.
OF_NAMESPACES: Final = frozenset({EventType.TOKEN_EXPIRING})

# Each concerns some people, who are told without any hook.
PERSONAL: Final = frozenset(
    {
        EventType.PUSH_REFUSED,
        EventType.SIGNATURE_FAILED,
        EventType.RIGHTS_GRANTED,
        EventType.TOKEN_EXPIRING,
        EventType.TAG_EXPIRING,
    }
)
# There may be many of these: only who asked for them is told.
WISHED: Final = frozenset({EventType.TAG_EXPIRING})
DAYS_FOR_PEOPLE: Final = 7  # before a tag ends

_SENTENCES: Final[Mapping[EventType, str]] = {
    EventType.TAG_PUSHED: "{actor} pushed {what}",
    EventType.TAG_MOVED: "{actor} moved {what} to another manifest",
    EventType.TAG_RESTORED: "{actor} restored {what}",
    EventType.TAG_DELETED: "{what} was deleted by {actor}",
    EventType.TAG_EXPIRED: "{what} has expired",
    EventType.TAG_EXPIRING: "{what} expires at {expires_at}",
    EventType.MANIFEST_PUSHED: "{actor} pushed {what}",
    EventType.MANIFEST_DELETED: "{actor} deleted {what}",
    EventType.PUSH_REFUSED: "a push of {actor} to {what} was refused: {reason}",
    EventType.SIGNATURE_FAILED: "a signature of {what} does not hold: {reason}",
    EventType.RETENTION_FINISHED: "retention removed {removed} tags from {what}",
    EventType.REPOSITORY_CREATED: "{actor} created the repository {what}",
    EventType.REPOSITORY_DELETED: "{actor} deleted the repository {what}",
    EventType.REPOSITORY_UNDELETED: "{actor} brought the repository {what} back",
    EventType.RIGHTS_GRANTED: "{actor} gave {holder} the role {role} in {what}",
    EventType.TOKEN_EXPIRING: "the token {title} of {holder} ends at {expires_at}",
    EventType.MIRROR_STARTED: "the mirroring of {what} has begun",
    EventType.MIRROR_SUCCEEDED: "the mirroring of {what} has succeeded",
    EventType.MIRROR_FAILED: "the mirroring of {what} has failed",
    EventType.VULNERABILITY_FOUND: "{what} has a vulnerability",
    EventType.QUOTA_WARNING: "{what} is near its quota",
    EventType.QUOTA_EXCEEDED: "{what} is over its quota",
    EventType.PING: "a test of {what}, asked for by {actor}",
}


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _moment(text: str) -> str:
    """A moment of RFC 3339 as people read it; what is none stays as it is."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return text


def sentence(kind: EventType, data: Mapping[str, Any]) -> str:
    """What happened, in one line of text for a person."""
    place = data.get("repository") or data.get("namespace") or "the registry"
    tag, digest = data.get("tag"), data.get("digest")
    what = f"{place}:{tag}" if tag else f"{place}@{digest}" if digest else str(place)
    facts = _Facts({**data, "what": what, "actor": data.get("actor", {}).get("name", "somebody")})
    if ends := str(data.get("expires_at") or ""):
        facts["expires_at"] = _moment(ends)
    return " ".join(_SENTENCES[kind].format_map(facts).split())[:500]
