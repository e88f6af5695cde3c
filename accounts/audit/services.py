"""Writing the audit trail."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from accounts.audit.models import AuditEvent
from artifacts.text import clean, cleaned

_AFTER_PATH = re.compile("[:@ ]")  # a tag, a digest, or more words

Detail = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change, and from where. Carried into services for the audit trail."""

    name: str
    address: str = ""

    def did(
        self,
        action: str,
        target: str,
        *,
        now: datetime,
        place: str | None = None,
        **detail: Detail,
    ) -> None:
        """Record that this actor did ``action`` to ``target``; see ``record``."""
        record(
            actor=self.name,
            action=action,
            target=target,
            now=now,
            address=self.address,
            place=place,
            **detail,
        )


SYSTEM: Final = Actor("system")


def record(
    *,
    actor: str,
    action: str,
    target: str,
    now: datetime,
    address: str = "",
    place: str | None = None,
    **detail: Detail,
) -> AuditEvent:
    """Add one event. Call it inside the transaction of the change it tells about.

    ``detail`` is kept for good and shown to administrators: never a secret. ``place`` is the
    repository or the namespace that the event concerns, empty for none; without it ``target``
    tells: ``acme/web:v1`` lies in ``acme/web``, and ``acme+ci`` in ``acme``.
    """
    event = event_of(Actor(actor, address), action, target, detail, now=now, place=place)
    event.save(force_insert=True)
    return event


def event_of(
    by: Actor,
    action: str,
    target: str,
    detail: Mapping[str, Detail],
    *,
    now: datetime,
    place: str | None = None,
    occasion: str = "",
) -> AuditEvent:
    """The event that ``record`` adds, not yet stored. Of one ``occasion`` only one can be."""
    target = clean(target)
    namespace, repository = _split(target if place is None else clean(place))
    return AuditEvent(
        at=now,
        actor=clean(by.name)[:255],
        action=action,
        target=target[:600],
        namespace=namespace[:255],
        repository=repository[:255],
        address=clean(by.address)[:64],
        occasion=occasion,
        detail=json.dumps(cleaned(detail), sort_keys=True),
        to_forward=bool(settings.BERTH.ACTION_LOG_FORWARD_TO),
    )


def _split(place: str) -> tuple[str, str]:
    """The namespace, and the repository where there is one."""
    path = _AFTER_PATH.split(place, maxsplit=1)[0]
    if "/" in path:
        return path.partition("/")[0], path
    return path.partition("+")[0], ""
