"""Organizations that an administrator of the registry opened as if they were its owner.

For an hour, in the browser where it was asked for; it begins with a line in the organization's own
log, and every page says so.
"""

from datetime import datetime, timedelta
from typing import Final

from django.http import HttpRequest

from accounts.audit.services import Actor
from accounts.users.models import Namespace, User

OPEN_FOR: Final = timedelta(hours=1)
_KEY: Final = "opened_organization"


def open_organization(
    request: HttpRequest, namespace: Namespace, *, now: datetime, by: Actor
) -> None:
    """Let the superuser who asks do everything in it, for a while. One at a time."""
    by.did("organization.open", namespace.name, now=now)
    request.session[_KEY] = [namespace.pk, (now + OPEN_FOR).timestamp()]


def close_organization(request: HttpRequest) -> None:
    request.session.pop(_KEY, None)


def is_opened(request: HttpRequest, user: User | None, namespace_id: int, *, now: datetime) -> bool:
    """Whether the visitor opened that organization, and still may."""
    if user is None or not user.is_superuser:
        return False
    opened, until = request.session.get(_KEY) or (None, 0)
    return bool(opened == namespace_id and now.timestamp() < until)
