"""Robots that log in without a token of ours: a platform says which workload it is that asks.

A robot trusts workloads by issuer, subject and audience. The token of a workload is good as the
robot's password as long as it lasts, or buys one of ours, which lasts an hour.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import jwt
from django.conf import settings
from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.credentials.keys import public_key, signing_key
from accounts.credentials.models import RobotFederation
from accounts.credentials.principals import Principal
from accounts.credentials.workloads.foreign_tokens import (
    TokenRefused,
    header_of,
    unverified,
    verified,
)
from accounts.credentials.workloads.issuers import check_issuer, keys_of
from accounts.errors import AccountError
from accounts.users.models import Robot
from accounts.users.services import bump_access_epoch

MOST_FEDERATIONS: Final = 20  # of one robot
OURS_LASTS: Final = timedelta(hours=1)
_OURS: Final = "berth-robot"  # who has signed it, and for whom; no issuer can be called so
_MAX_TOKEN_LENGTH: Final = 8192
_STAMP: Final = "federation "


class FederationRefused(AccountError):
    """Something about what is to be trusted cannot be."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Whom a robot is to trust; see ``RobotFederation``."""

    issuer: str
    subject: str
    audience: str = ""


def is_foreign(name: str, secret: str) -> bool:
    """Whether ``secret`` looks as what a workload brings, for a robot."""
    return "+" in name and secret.startswith("eyJ") and secret.count(".") == 2


def set_federations(
    *, robot: Robot, workloads: Sequence[Workload], now: datetime, by: Actor = SYSTEM
) -> None:
    """Have ``robot`` trust these, and nobody else from now on.

    Raises ``FederationRefused``, and ``AddressRefused`` for an issuer that may not be asked.
    """
    wanted = list(dict.fromkeys(workloads))
    if len(wanted) > MOST_FEDERATIONS:
        raise FederationRefused(f"a robot trusts at most {MOST_FEDERATIONS} workloads")
    for workload in wanted:
        check_issuer(workload.issuer)
        _check(workload)
    with transaction.atomic():
        list(Robot.objects.select_for_update().filter(pk=robot.pk))
        had = {Workload(row.issuer, row.subject, row.audience): row for row in _rows(robot)}
        gone = [row.pk for workload, row in had.items() if workload not in wanted]
        robot.federations.filter(pk__in=gone).delete()
        RobotFederation.objects.bulk_create(
            [
                RobotFederation(
                    robot=robot,
                    issuer=workload.issuer,
                    subject=workload.subject,
                    audience=workload.audience,
                    created_at=now,
                )
                for workload in wanted
                if workload not in had
            ]
        )
        by.did("robot.federation", robot.name, now=now, workloads=len(wanted))
        bump_access_epoch()


def own_audience() -> str:
    """Whom a token must be for where a robot says nothing else; with ``https://`` too."""
    return settings.BERTH.SERVER_HOSTNAME or "berth"


def federations_of(robot: Robot) -> Sequence[RobotFederation]:
    return list(_rows(robot))


def federated(robot: Robot, token: str, *, now: datetime) -> Principal:
    """Whom a token stands for that ``robot`` trusts. Asks the issuer for keys, so never on a loop.

    Raises ``TokenRefused``.
    """
    if len(token) > _MAX_TOKEN_LENGTH:
        raise TokenRefused("it is too long")
    if unverified(token).get("iss") == _OURS:
        pk, ends_at = _ours(robot, token, now)
    else:
        row, claims = _trusted(robot, token)
        pk, ends_at = row.pk, datetime.fromtimestamp(min(int(claims["exp"]), _LAST_SECOND), tz=UTC)
    return Principal(
        "robot", id=robot.pk, name=robot.name, expires_at=ends_at, stamp=f"{_STAMP}{pk}"
    )


def is_trusted_still(robot: Robot, stamp: str) -> bool:
    """Whether what ``federated`` stood on is there; of other logins, yes."""
    if not stamp.startswith(_STAMP):
        return True
    return robot.federations.filter(pk=int(stamp.removeprefix(_STAMP))).exists()


def issue_robot_jwt(principal: Principal, *, now: datetime) -> str:
    """A password for an hour, for whom ``federated`` found."""
    key = signing_key(now=now)
    claims = {
        "iss": _OURS,
        "aud": _OURS,
        "sub": principal.name,
        "robot": principal.id,
        "federation": int(principal.stamp.removeprefix(_STAMP)),
        "iat": int(now.timestamp()),
        "exp": int((now + OURS_LASTS).timestamp()),
    }
    return jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": key.kid})


def trial(robot: Robot, token: str) -> Iterator[tuple[bool, str]]:
    """What is looked at, in its order, and whether it is right; ends with the first that is not.

    For whoever administers the robot alone: it says what the robot trusts.
    """
    try:
        claims = unverified(token.strip())
        header = header_of(token.strip())
    except TokenRefused as error:
        yield False, f"The token is refused: {error}."
        return
    issuer, subject = claims.get("iss"), claims.get("sub")
    yield True, f"It is a token of {str(issuer)[:200]} about {str(subject)[:200]}."
    rows = [row for row in _rows(robot) if row.issuer == issuer]
    yield (
        bool(rows),
        "The robot trusts this issuer."
        if rows
        else ("The robot does not trust this issuer, which is compared to the letter."),
    )
    if not rows:
        return
    try:
        keys = keys_of(str(issuer), header.get("kid"))
        yield True, "The issuer's keys are here."
        verified(token.strip(), list(keys), issuer=str(issuer), audience=None)
    except TokenRefused as error:
        yield False, f"Its signature or its times do not hold: {error}."
        return
    yield True, "One of them has signed it, and it has not ended."
    of_subject = [row for row in rows if _matches(row.subject, subject)]
    yield (
        bool(of_subject),
        (
            "The subject is one that the robot trusts."
            if of_subject
            else f"The subject is none of {', '.join(row.subject for row in rows)}."
        ),
    )
    if not of_subject:
        return
    fits = any(_is_for(row, claims.get("aud")) for row in of_subject)
    wanted = ", ".join(sorted(set().union(*(_audiences(row) for row in of_subject))))
    yield (
        fits,
        (
            "It is for this registry: it logs in."
            if fits
            else f"It is for {str(claims.get('aud'))[:200]}, and not for {wanted}."
        ),
    )


_LAST_SECOND: Final = 253_402_300_799


def _trusted(robot: Robot, token: str) -> tuple[RobotFederation, dict[str, Any]]:
    issuer = unverified(token).get("iss")
    rows = [row for row in _rows(robot) if row.issuer == issuer]
    if not rows:  # nobody is asked whom nobody trusts
        raise TokenRefused("the robot does not trust its issuer")
    keys = keys_of(rows[0].issuer, header_of(token).get("kid"))
    claims = verified(token, list(keys), issuer=rows[0].issuer, audience=None)
    for row in rows:
        if _matches(row.subject, claims.get("sub")) and _is_for(row, claims.get("aud")):
            return row, claims
    raise TokenRefused("the robot does not trust its subject, or it is for somebody else")


def _ours(robot: Robot, token: str, now: datetime) -> tuple[int, datetime]:
    key = public_key(str(header_of(token).get("kid")), now=now)
    if key is None:
        raise TokenRefused("no key of ours has signed it")
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=_OURS,
            issuer=_OURS,
            options={"require": ["sub", "robot", "federation", "exp"]},
        )
    except jwt.PyJWTError as error:
        raise TokenRefused(f"it does not hold: {error}") from error
    pk = int(claims["federation"])
    if claims["robot"] != robot.pk or not robot.federations.filter(pk=pk).exists():
        raise TokenRefused("the robot does not trust it any more")
    return pk, datetime.fromtimestamp(claims["exp"], tz=UTC)


def _rows(robot: Robot) -> Sequence[RobotFederation]:
    return list(robot.federations.order_by("pk")[:MOST_FEDERATIONS])


def _check(workload: Workload) -> None:
    for name, text in (("subject", workload.subject), ("audience", workload.audience)):
        if len(text) > 500 or not text.isprintable():
            raise FederationRefused(f"the {name} is too long, or holds what cannot be printed")
    if len(workload.issuer) > 500:
        raise FederationRefused("the issuer is too long")
    if not workload.subject or workload.subject.startswith("*"):
        raise FederationRefused(
            "a subject must begin with something else than *: else everybody at the issuer is"
            " trusted"
        )


def _matches(pattern: str, subject: object) -> bool:
    return isinstance(subject, str) and _compiled(pattern).fullmatch(subject) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """``*`` stands for any text; possessive, so that no subject makes it backtrack."""
    first, *others = pattern.split("*")
    if not others:
        return re.compile(re.escape(first))
    *middle, last = others
    parts = "".join(f"(?>.*?{re.escape(part)})" for part in middle)
    return re.compile(f"{re.escape(first)}{parts}.*(?<={re.escape(last)})" if last else
                      f"{re.escape(first)}{parts}.*", re.DOTALL)  # fmt: skip


def _is_for(row: RobotFederation, audience: object) -> bool:
    audiences = audience if isinstance(audience, list) else [audience]
    return any(isinstance(one, str) and one in _audiences(row) for one in audiences)


def _audiences(row: RobotFederation) -> frozenset[str]:
    if row.audience:
        return frozenset({row.audience})
    return frozenset({own_audience(), f"https://{own_audience()}"})
