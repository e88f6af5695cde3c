"""What every form is given, and what it gives back."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from registry.events.kinds import EventType, sentence
from registry.events.outbox import registry_host

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class EventFacts:
    """An event as forms see it. ``data`` has no more in it than the event had."""

    kind: EventType
    uuid: UUID
    at: datetime
    data: Mapping[str, Any]

    def text(self, name: str) -> str:
        return str(self.data.get(name) or "")

    @property
    def host(self) -> str:
        """The registry's, with its port, as clients write it."""
        return self.text("registry") or registry_host()

    @property
    def repository(self) -> str:
        return self.text("repository")

    @property
    def namespace(self) -> str:
        return self.text("namespace")

    @property
    def name(self) -> str:
        """Of the repository within its namespace."""
        return self.repository.partition("/")[2]

    @property
    def tag(self) -> str:
        return self.text("tag")

    @property
    def digest(self) -> str:
        return self.text("digest")

    @property
    def actor(self) -> str:
        return str(self.data.get("actor", {}).get("name", ""))

    @property
    def seconds(self) -> int:
        return int(self.at.timestamp())

    @property
    def created_seconds(self) -> int:
        created = self.text("repository_created_at")
        return int(datetime.fromisoformat(created).timestamp()) if created else self.seconds

    @property
    def moment(self) -> str:
        """RFC 3339, in UTC."""
        return self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def registry_url(self) -> str:
        return f"{settings.BERTH.PREFERRED_URL_SCHEME}://{self.host}"

    @property
    def link(self) -> str:
        """The page about it."""
        return f"{self.registry_url}/{self.repository or self.namespace}"

    @property
    def sentence(self) -> str:
        return sentence(self.kind, self.data)


@dataclass(frozen=True, slots=True)
class Message:
    """``url`` and ``method`` are given where they are not the hook's own and ``POST``."""

    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    url: str = ""


Options = Mapping[str, Any]
Render = Callable[[Sequence[EventFacts], str, Options], Message]


@dataclass(frozen=True, slots=True)
class Format:
    """Args:
    kinds: the events that it has words for.
    render: makes one message of events, of the hook's address and of its options.
    is_chat: people read it, and rather one message about many events than many messages.
    """

    title: str
    kinds: frozenset[EventType]
    render: Render
    is_chat: bool = False


ALL = frozenset(EventType)


def json_message(document: Any, content_type: str = JSON, **more: Any) -> Message:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Message(body, content_type, **more)
