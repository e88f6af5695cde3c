"""Writing events down, in the transaction of the change that each tells of.

Who rolls back takes the event with it; what is committed is delivered, whatever is killed after.
What concerns people is always told (``PERSONAL``). For the rest nobody pays where nobody listens:
with the epoch of rights, which comes with every request, a process knows whether there is any hook.
"""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from celery import current_app
from django.conf import settings
from django.db import transaction

from accounts import statements
from accounts.audit.services import SYSTEM, Actor
from accounts.users.models import Namespace
from artifacts.text import cleaned
from registry.events.kinds import PERSONAL, EventType

if TYPE_CHECKING:
    from registry.repositories.models import Repository

DELIVER: Final = "events.deliver"
"""The name of the job."""

MAX_TEXT_LENGTH: Final = 1000  # of one fact
_NUDGE_EVERY_SECONDS: Final = 1.0
_ANY: Final = "SELECT EXISTS (SELECT 1 FROM events_hook WHERE state = 'active')"
_FOR_PLACE: Final = """
    SELECT EXISTS (SELECT 1 FROM events_hook WHERE repository_id = %s AND state = 'active')
        OR EXISTS (SELECT 1 FROM events_hook WHERE namespace_id = %s AND state = 'active')
        OR EXISTS (SELECT 1 FROM events_hook
                   WHERE repository_id IS NULL AND namespace_id IS NULL AND state = 'active'),
        (SELECT created_at FROM repositories_repository WHERE id = %s)
"""
_ADD: Final = """
    INSERT INTO events_event (uuid, type, at, namespace_key, repository_key, data, is_waiting)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""

_hooks_at_epoch: tuple[int, bool] = (-1, True)  # an epoch, and whether there was any hook then
_nudged_at = 0.0


def note(
    kind: EventType,
    /,
    *,
    repository: "Repository",
    now: datetime,
    by: Actor = SYSTEM,
    **facts: Any,
) -> None:
    """Tell whoever listens to the repository. Call it inside the transaction of the change.

    ``facts`` are sent to strangers: never a secret, nor where a request came from.
    """
    if kind not in PERSONAL and not has_hooks(repository):
        return
    keys = [repository.id, repository.namespace_id, repository.id]
    ((is_heard, created_at),) = statements.rows(_FOR_PLACE, keys)
    if is_heard or kind in PERSONAL:
        place = {
            "namespace": repository.path.partition("/")[0],
            "repository": repository.path,
            "is_public": bool(repository.is_public),
            "repository_created_at": statements.moment(created_at).isoformat(),
        }
        _add(kind, repository.namespace_id, repository.id, {**place, **facts}, now=now, by=by)


def note_of_namespace(
    kind: EventType, /, *, namespace: Namespace, now: datetime, by: Actor = SYSTEM, **facts: Any
) -> None:
    """The same for what happens in no repository."""
    is_heard = statements.rows(_FOR_PLACE, [None, namespace.pk, None])[0][0]
    if is_heard or kind in PERSONAL:
        _add(kind, namespace.pk, None, {"namespace": namespace.name, **facts}, now=now, by=by)


def has_hooks(repository: "Repository | None" = None) -> bool:
    """Whether there is any hook. Costs nothing where the repository was read with its epoch."""
    global _hooks_at_epoch  # noqa: PLW0603 - the one memory of this process
    epoch = repository.__dict__.get("epoch") if repository is not None else None
    if epoch is not None and _hooks_at_epoch[0] == epoch:
        return _hooks_at_epoch[1]
    is_any = bool(statements.rows(_ANY, [])[0][0])
    if epoch is not None:
        _hooks_at_epoch = (epoch, is_any)
    return is_any


def forget_hooks() -> None:
    global _hooks_at_epoch  # noqa: PLW0603 - the one memory of this process
    _hooks_at_epoch = (-1, True)


def registry_host() -> str:
    """As clients write it."""
    host: str = settings.BERTH.SERVER_HOSTNAME
    return host or "localhost"


def _add(
    kind: EventType,
    namespace: int,
    repository: int | None,
    facts: Mapping[str, Any],
    *,
    now: datetime,
    by: Actor,
) -> None:
    uuid = uuid4()
    data = {
        "id": str(uuid),
        "registry": registry_host(),
        **{name: _bounded(value) for name, value in facts.items() if value is not None},
        "actor": {"name": by.name[:255], "kind": _kind_of(by)},
    }
    values = [uuid, str(kind), now, namespace, repository, json.dumps(cleaned(data)), True]
    statements.execute(_ADD, values)
    # When the queue does not answer, the timetable comes by a few seconds later.
    transaction.on_commit(_nudge, robust=True)


def _bounded(value: Any) -> Any:
    return value[:MAX_TEXT_LENGTH] if isinstance(value, str) else value


def _kind_of(by: Actor) -> str:
    if by == SYSTEM:
        return "system"
    return "robot" if "+" in by.name else "user"


def _nudge() -> None:
    """Not for each of many events at once: a job takes all that wait."""
    global _nudged_at  # noqa: PLW0603 - the one memory of this process
    if time.monotonic() - _nudged_at < _NUDGE_EVERY_SECONDS:
        return
    _nudged_at = time.monotonic()
    send_soon()


def send_soon() -> None:
    """Ask for a job that delivers what is due. It comes by the timetable anyway."""
    current_app.send_task(DELIVER, retry=False)
