"""Small documents that many answers of ``/api/v1/`` are made of, and how values are written."""

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from uuid import UUID

from rest_framework.response import Response

from accounts.users.models import Namespace, Robot, User

AvatarKind = Literal["user", "org", "team", "robot", "app"]
_TRUE = frozenset({"true", "1", "yes", "on"})


def written_date(moment: datetime | None) -> str | None:
    """As in RFC 2822, of no zone in particular: ``Sun, 29 Nov 2026 13:55:44 -0000``."""
    if moment is None:
        return None
    return format_datetime(moment.astimezone(UTC).replace(tzinfo=None))


def is_true(text: str | None) -> bool:
    """Whether a parameter of a query says yes; clients write it in several ways."""
    return (text or "").lower() in _TRUE


def id_of(pk: int) -> str:
    """The number of a row as clients expect an id to look."""
    return str(UUID(int=pk))


def pk_of(text: str) -> int:
    """The number that ``id_of`` made ``text`` of, or that it is; 0, which no row has, of others."""
    if text.isascii() and text.isdecimal():
        number = int(text[:19])
    else:
        try:
            number = UUID(text).int
        except ValueError:
            return 0
    return number if 0 < number < 2**63 else 0


def avatar(name: str, kind: AvatarKind) -> dict[str, Any]:
    """There are no pictures: a color that is always the same for the same name."""
    digest = hashlib.sha256(name.lower().encode()).hexdigest()
    return {"name": name, "hash": digest, "color": f"#{digest[:6]}", "kind": kind}


def account(holder: User | Robot) -> dict[str, Any]:
    """Who that is, as lists of members and of rights begin."""
    is_robot = isinstance(holder, Robot)
    name = str(holder)
    return {
        "name": name,
        "kind": "user",
        "is_robot": is_robot,
        "avatar": avatar(name, "robot" if is_robot else "user"),
    }


def namespace_avatar(namespace: Namespace) -> dict[str, Any]:
    """Reads the organization: select it with the row."""
    is_organization = getattr(namespace, "organization", None) is not None
    return avatar(namespace.name, "org" if is_organization else "user")


def unstored(response: Response) -> Response:
    """The same answer, which nobody keeps: it holds a secret."""
    response.headers["Cache-Control"] = "no-store"
    return response


def quota_report() -> dict[str, Any]:
    """There are no quotas, and nothing is counted for them."""
    return {
        "quota_bytes": None,
        "configured_quota": None,
        "running_backfill": "complete",
        "backfill_status": "complete",
    }
