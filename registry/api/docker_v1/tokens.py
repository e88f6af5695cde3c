"""The tokens of the V1 protocol: one repository, what may be done in it, and by whom.

A token is signed with the registry's secret key and holds for a day. It proves who asks, as
a password would; what they may do is looked up again at every use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core import signing

from accounts.credentials.principals import Principal
from accounts.credentials.services import current_principal
from artifacts.oci.errors import Unauthorized
from registry.access.scopes import ALL_ACTIONS, Action
from registry.access.tokens import TokenInvalid
from registry.repositories.models import Repository

LIFETIME = timedelta(hours=24)
_MAX_LENGTH = 4096
_SCHEME = "sigv2="


@dataclass(frozen=True, slots=True)
class V1Token:
    principal: Principal
    repository_id: int
    actions: frozenset[Action]


def issue_token(
    *, principal: Principal, repository: Repository, actions: frozenset[Action], now: datetime
) -> str:
    """The value of ``X-Docker-Token``."""
    ends_at = now + LIFETIME
    if principal.expires_at:
        ends_at = min(ends_at, principal.expires_at)
    return _SCHEME + _signer().sign_object(
        {
            "repository": repository.id,
            "actions": sorted(actions),
            "kind": principal.kind,
            "id": principal.id,
            "token": principal.token_id,
            "stamp": principal.stamp,
            "ends": int(ends_at.timestamp()),
        }
    )


def read_token(value: str, *, now: datetime) -> V1Token:
    """What ``Authorization: Token`` brings.

    Raises:
        TokenInvalid: not signed here, changed, or ended.
        Unauthorized: whom it was issued to is gone.
    """
    text = value.strip().removeprefix(_SCHEME)
    try:
        claims: Mapping[str, Any] = _signer().unsign_object(text[:_MAX_LENGTH])
    except (signing.BadSignature, ValueError) as error:
        raise TokenInvalid("the token is not valid here") from error
    if now.timestamp() >= claims["ends"]:
        raise TokenInvalid("the token has expired; ask for a new one")
    principal = current_principal(
        kind=claims["kind"],
        id=claims["id"],
        token_id=claims["token"],
        stamp=claims["stamp"],
        now=now,
    )
    if principal is None:
        raise Unauthorized("the account or token behind this login is no longer valid")
    actions = ALL_ACTIONS.intersection(claims["actions"])
    return V1Token(principal, claims["repository"], actions)


def _signer() -> signing.Signer:
    return signing.Signer(salt="registry.api.docker_v1.grants", algorithm="sha256")
