"""Writing the audit trail."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accounts.audit.models import AuditEvent

Detail = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change, and from where. Carried into services for the audit trail."""

    name: str
    address: str = ""

    def did(self, action: str, target: str, *, now: datetime, **detail: Detail) -> None:
        """Record that this actor did ``action`` to ``target``; see ``record``."""
        record(
            actor=self.name,
            action=action,
            target=target,
            now=now,
            address=self.address,
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
    **detail: Detail,
) -> AuditEvent:
    """Add one event. Call it inside the transaction of the change it tells about.

    ``detail`` is kept for good and shown to administrators: never a secret.
    """
    return AuditEvent.objects.create(
        at=now,
        actor=actor[:255],
        action=action,
        target=target[:600],
        address=address[:64],
        detail=json.dumps(detail, sort_keys=True),
    )
