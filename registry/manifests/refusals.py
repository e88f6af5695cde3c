"""Pushes that a policy refused, for the log of the repository."""

from datetime import datetime, timedelta
from typing import Final

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from registry.manifests.admission import BlockedByPolicy
from registry.repositories.models import Repository

# A client that tries the same again and again must not fill the log.
_TOLD_EVERY: Final = timedelta(minutes=10)


def note_refusal(
    *, repository: Repository, error: BlockedByPolicy, target: str, now: datetime, by: Actor
) -> None:
    """Record that ``by`` was refused, unless that was recorded a moment ago."""
    lately = AuditEvent.objects.filter(
        repository=repository.path,
        at__gt=now - _TOLD_EVERY,
        action="manifest.refuse",
        actor=by.name,
    )
    if not lately.exists():
        by.did("manifest.refuse", target, now=now, reason=error.reason[:500])
