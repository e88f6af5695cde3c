"""Hooks and rounds for the tests of events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.audit.services import Actor
from accounts.users.models import Namespace
from registry.events.delivery import deliver_due, fan_out
from registry.events.kinds import EventType
from registry.events.models import Event, Hook
from registry.events.services import HookTerms, create_hook
from registry.repositories.models import Repository
from tests.registry.builders import NOW

ALICE = Actor("alice")
URL = "https://hooks.example.com/"


def make_hook(
    place: Repository | Namespace | None,
    *,
    url: str = URL,
    format_name: str = "standard",
    events: tuple[str, ...] = (EventType.TAG_PUSHED, EventType.TAG_MOVED),
    secret: str = "",
    headers: Mapping[str, str] | None = None,
    now: datetime = NOW,
    by: Actor = ALICE,
    **more: Any,
) -> Hook:
    terms = HookTerms(format=format_name, events=events, url=url, **more)
    return create_hook(place=place, terms=terms, secret=secret, headers=headers, now=now, by=by)


def noted() -> list[tuple[str, str]]:
    """The types and tags of all events, in their order."""
    return [(event.type, event.facts.get("tag", "")) for event in Event.objects.order_by("id")]


def bring(now: datetime = NOW) -> None:
    """One round of the job."""
    fan_out(now=now, limit=1000)
    deliver_due(now=now)
