"""Writing down who was refused what in which repository.

A client's first request has no credentials and is answered with the way to a login: that is no
refusal. Whoever comes with credentials, or with a token for nobody, and still may not, is refused.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

from accounts.audit.services import Actor
from accounts.audit.sightings import notice, occasion_of
from accounts.credentials.principals import Principal
from registry.access.rights import rights_in
from registry.access.scopes import Action
from registry.repositories.models import Repository

VERBS: Final = {
    "pull": "pull from",
    "push": "push to",
    "delete": "delete from",
    "*": "administer",
}
_ACTION: Final = "access.refuse"
_ONCE_IN: Final = timedelta(minutes=1)

logger = logging.getLogger(__name__)


def note_refusal(
    *,
    principal: Principal,
    action: Action,
    path: str,
    repository: Repository | None,
    address: str,
    now: datetime,
) -> None:
    """Leave a trace of who is known and may not; once a minute for each right and repository.

    Nobody in particular leaves a line in the log alone. Nor is it a refusal when a client asked
    for a token that says less than the principal may, or for what is not there.
    """

    def is_none() -> bool:
        if repository is None and action == "pull":
            return True
        rights = rights_in(principal=principal, path=path, repository=repository)
        return action in rights

    if principal.kind == "anonymous":
        key = (path, action)
        if occasion_of(f"from {address}", _ACTION, *key, once_in=_ONCE_IN, now=now):
            logger.info("nobody in particular, from %s, may not %s", address, _words(*key))
        return
    by = Actor(principal.name, address)
    if notice(
        by, _ACTION, path, once_in=_ONCE_IN, key=[action], unless=is_none, now=now, right=action
    ):
        logger.warning("%s, from %s, may not %s", by.name, address, _words(path, action))


def _words(path: str, action: Action) -> str:
    return f"{VERBS[action]} {path}"
