"""Tokens that are about to end: whoever uses one should hear of it before it does."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from accounts.credentials.models import AccessToken
from registry.events.kinds import EventType
from registry.events.models import Event
from registry.events.outbox import note_of_namespace

AHEAD: Final = timedelta(days=7)


def note_expiring_tokens(*, now: datetime, limit: int) -> int:
    """Tell once of each token that ends within ``AHEAD``; return how many are told of now."""
    ending = AccessToken.objects.filter(expires_at__gt=now, expires_at__lte=now + AHEAD)
    ending = ending.select_related("robot__namespace", "user__namespace").order_by("expires_at")
    tokens = {token.pk: token for token in ending[:limit]}
    noted = Event.objects.noted_values(
        EventType.TOKEN_EXPIRING, "token", tokens, since=now - 2 * AHEAD
    )
    count = 0
    for token in tokens.values():
        owner = token.robot or token.user
        if owner is None or token.pk in noted:
            continue
        with transaction.atomic():
            note_of_namespace(
                EventType.TOKEN_EXPIRING,
                namespace=owner.namespace,
                now=now,
                title=token.title,
                holder=str(owner),
                expires_at=token.expires_at.isoformat() if token.expires_at else "",
                token=token.pk,
            )
        count += 1
    return count
