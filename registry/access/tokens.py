"""Bearer tokens: RS256 JWTs that say who somebody is and what they asked to do.

Source: RFC 7519; Docker's "Token Authentication Implementation".
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from uuid import uuid4

import jwt
from cachetools import LRUCache, cached
from django.conf import settings

from accounts.credentials.keys import CLOCK_LEEWAY, LoadedKey, public_key, signing_key
from accounts.credentials.principals import Principal
from accounts.statements import each_time, holds_until
from artifacts.oci.errors import NameInvalid, Unauthorized
from registry.access.scopes import ALL_ACTIONS, Action, Scope
from registry.metrics.families import Counter
from registry.repositories.paths import repository_path

MAX_TOKEN_BYTES = 8 * 1024
_REQUIRED = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]
_REMEMBERED_TOKENS = 4096
_REMEMBERED_SIGNATURES = 256
REMEMBERED = Counter(
    "berth_token_cache_total", "Bearer tokens that were verified before, or not.", ("result",)
)


class TokenInvalid(Unauthorized):
    """The bearer token is not one of ours, or has ended."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions in one repository. ``repository_id`` is ``None`` if it did not exist yet."""

    scope: Scope
    repository_id: int | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. ``epoch`` is the state of rights it was issued in."""

    principal: Principal
    epoch: int
    grants: Mapping[str, Grant]  # by repository path
    registry: frozenset[str]  # "catalog", if the token opens it
    expires_at: datetime
    kid: str  # of the key that signed it

    def says(self, action: Action, path: str) -> bool:
        grant = self.grants.get(path)
        return grant is not None and action in grant.scope.actions

    def paths(self, action: Action) -> list[str]:
        """The repositories in which the token says that one may do this."""
        return [path for path, grant in self.grants.items() if action in grant.scope.actions]


def service_name() -> str:
    """Whom tokens are for and by: the host name, as the challenge tells it to clients."""
    return settings.BERTH.SERVER_HOSTNAME or "berth"


def issue_token(
    *, principal: Principal, grants: Sequence[Grant], epoch: int, now: datetime
) -> tuple[str, Sequence[Grant]]:
    """A token, and those of ``grants`` that it has room for: a longer one would be refused.

    The first ones come first: clients name what they are about to do before the rest.
    """
    key, issued_at = signing_key(now=now), int(now.timestamp())
    facts = service_name(), principal, epoch, issued_at, lifetime_seconds(principal, now=now)
    while len(token := _signed(key, *facts, tuple(grants))) > MAX_TOKEN_BYTES:
        grants = grants[: len(grants) * MAX_TOKEN_BYTES // (len(token) + 1)]
    return token, grants


@cached(LRUCache(_REMEMBERED_SIGNATURES), key=lambda key, *facts: (key.kid, *facts), lock=Lock())
def _signed(
    key: LoadedKey,
    service: str,
    principal: Principal,
    epoch: int,
    issued_at: int,
    lifetime: int,
    grants: tuple[Grant, ...],
) -> str:
    """The machines of a cluster share a login and ask for the same: of one second they get the
    same token, since a signature costs more than all else."""
    claims = {
        "iss": service,
        "aud": service,
        "sub": principal.name,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + lifetime,
        "jti": uuid4().hex,
        "access": [
            {
                "type": grant.scope.kind,
                "name": grant.scope.name,
                "actions": sorted(grant.scope.actions),
            }
            for grant in grants
        ],
        "berth": {
            "kind": principal.kind,
            "id": principal.id,
            "token": principal.token_id,
            "scope": principal.scope,
            "superuser": principal.is_superuser,
            "stamp": principal.stamp,
            "epoch": epoch,
            "repositories": [grant.repository_id for grant in grants],
        },
    }
    return jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": key.kid})


def lifetime_seconds(principal: Principal, *, now: datetime) -> int:
    """How long a token is good: never longer than the login it stands for."""
    if principal.expires_at is None:
        return settings.BERTH.TOKEN_LIFETIME_SECONDS
    left = int((principal.expires_at - now).total_seconds())
    return max(0, min(settings.BERTH.TOKEN_LIFETIME_SECONDS, left))


def verify_token(token: str, *, now: datetime) -> Claims:
    """Read a token we issued.

    Verified tokens are remembered until they end, because checking a signature
    costs more than the rest of a small request. A remembered token says no more
    than the signature did: rights, and whether its key is still good, are looked at again at
    every use.

    Raises ``TokenInvalid``.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenInvalid("the token is too long")
    name = _name_of(token)
    claims = _remembered.get(name)
    REMEMBERED.add("miss" if claims is None else "hit")
    each_time(_note_hit)
    if claims is None:
        claims = _verify(token, now)
        with _lock:
            while len(_remembered) >= _REMEMBERED_TOKENS:
                del _remembered[next(iter(_remembered))]  # the one that came first
            _remembered[name] = claims
    end = claims.expires_at + CLOCK_LEEWAY
    if now >= end:
        raise TokenInvalid("the token has expired; log in again")
    if public_key(claims.kid, now=now) is None:
        raise TokenInvalid("the key that signed the token was revoked; log in again")
    holds_until(end, now=now)
    return claims


def _note_hit(_now: datetime) -> None:
    REMEMBERED.add("hit")


def remembered_claims(token: str, *, now: datetime) -> Claims | None:
    """What a token says that was verified here before, as long as it holds."""
    claims = _remembered.get(_name_of(token))
    return claims if claims is not None and now < claims.expires_at + CLOCK_LEEWAY else None


def _name_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _verify(token: str, now: datetime) -> Claims:
    try:
        kid = str(jwt.get_unverified_header(token).get("kid", ""))
        # Only our own keys: whatever key or address the header brings along is not read.
        key = public_key(kid, now=now)
        if key is None:
            raise TokenInvalid("the token was not signed by this registry")
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=service_name(),
            issuer=service_name(),
            leeway=CLOCK_LEEWAY,
            options={"require": _REQUIRED},
        )
        return _read(claims, kid)
    except jwt.ExpiredSignatureError as error:
        raise TokenInvalid("the token has expired; log in again") from error
    except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, NameInvalid) as error:
        raise TokenInvalid("the token is not valid here") from error


def _read(claims: Mapping[str, Any], kid: str) -> Claims:
    own = claims["berth"]
    grants: dict[str, Grant] = {}
    registry: set[str] = set()
    for entry, repository_id in zip(claims["access"], own["repositories"], strict=True):
        actions = ALL_ACTIONS.intersection(entry["actions"])
        scope = Scope(entry["type"], entry["name"], actions)
        if scope.kind == "repository":
            path = repository_path(scope.name)
            if path in grants:  # by its other name, without the library's
                actions |= grants[path].scope.actions
            grants[path] = Grant(Scope(scope.kind, scope.name, actions), repository_id)
        elif scope.kind == "registry":
            registry.add(scope.name)
    return Claims(
        principal=Principal(
            kind=own["kind"],
            id=own["id"],
            name=claims["sub"],
            token_id=own["token"],
            scope=own["scope"],
            is_superuser=own["superuser"],
            stamp=own["stamp"],
        ),
        epoch=own["epoch"],
        grants=grants,
        registry=frozenset(registry),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        kid=kid,
    )


def forget_tokens() -> None:
    with _lock:
        _remembered.clear()


_lock = Lock()
_remembered: dict[bytes, Claims] = {}
