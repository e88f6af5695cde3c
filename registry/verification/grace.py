"""The while after a push in which a manifest can be read to be signed, where that is required.

Why: docs/decisions/0008-who-may-push-may-read-to-sign.md
"""

from datetime import datetime, timedelta

from django.conf import settings

from accounts.audit.models import AuditEvent
from registry.repositories.models import Repository


def is_in_grace(*, repository: Repository, digest: str, pusher: str, now: datetime) -> bool:
    """Whether the manifest was pushed a moment ago: by ``pusher``, or by anybody where empty.

    The audit trail is asked, because the manifest's own lease is renewed by reading it.
    """
    since = now - timedelta(seconds=settings.SIGNING_GRACE_SECONDS)
    pushes = AuditEvent.objects.about_repository(repository.path, since=repository.created_at)
    named = pushes.narrowed(actor=pusher, action="manifest.push", since=since)
    return named.filter(at__gt=since, detail__contains=f'"digest": "{digest}"').exists()
