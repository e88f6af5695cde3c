"""Who calls: the value that every door hands to the access rules, and what its token is for.

An application token has OAuth scopes, as Quay names them: it may do in the management API what
they say, as far as its person may. Below ``/v2`` only those about repositories count, as the
ceiling ``read``, ``write`` or ``admin``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from accounts.errors import AccountError

PrincipalKind = Literal["anonymous", "user", "robot"]
Scope = Literal["none", "read", "write", "admin"]

OF_CEILING: Final[Mapping[str, frozenset[str]]] = {
    "none": frozenset(),
    "read": frozenset({"repo:read"}),
    "write": frozenset({"repo:read", "repo:write", "repo:create"}),
    "admin": frozenset(
        {
            "repo:read",
            "repo:write",
            "repo:create",
            "repo:admin",
            "user:read",
            "user:admin",
            "org:admin",
        }
    ),
}
SUPERUSER: Final = "super:user"
ALL_SCOPES: Final = OF_CEILING["admin"] | {SUPERUSER}
_IMPLIED: Final[Mapping[str, frozenset[str]]] = {
    "repo:admin": frozenset({"repo:write", "repo:read"}),
    "repo:write": frozenset({"repo:read"}),
}
_MAX_SCOPES_TEXT: Final = 255
_CEILINGS: Final[tuple[tuple[Scope, str], ...]] = (
    ("admin", "repo:admin"),
    ("write", "repo:write"),
    ("read", "repo:read"),
)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose credentials were checked, or nobody in particular.

    ``scope`` is the ceiling that an application token sets; a password and a
    robot's token set none. ``is_superuser`` holds only below no ceiling.
    ``scopes`` is what such a token may be used for in the management API.
    """

    kind: PrincipalKind
    id: int = 0
    name: str = ""
    token_id: int | None = None
    scope: Scope = "admin"
    scopes: frozenset[str] | None = field(default=None, compare=False)
    is_superuser: bool = False
    expires_at: datetime | None = None  # of the token it came with
    stamp: str = ""  # of the password it came with; another password has another

    @property
    def key(self) -> str:
        """``user:7``, ``robot:3`` or ``anonymous``: never reused, unlike a name."""
        return "anonymous" if self.kind == "anonymous" else f"{self.kind}:{self.id}"


ANONYMOUS: Final = Principal("anonymous")


class ScopeUnknown(AccountError):
    def __init__(self, word: str) -> None:
        names = ", ".join(sorted(ALL_SCOPES))
        super().__init__(f"there is no scope {word[:40]!a}; there are {names}")


def read_scopes(text: str) -> frozenset[str]:
    """The scopes in ``text``, between blanks or commas, with those that they imply.

    Raises ``ScopeUnknown``; of none at all too.
    """
    words = text[:_MAX_SCOPES_TEXT].replace(",", " ").split()
    for word in words or [text]:
        if word not in ALL_SCOPES:
            raise ScopeUnknown(word)
    return frozenset(words).union(*(_IMPLIED.get(word, frozenset()) for word in words))


def ceiling_of(scopes: frozenset[str]) -> Scope:
    """The most that a token with these scopes may do in repositories."""
    for ceiling, scope in _CEILINGS:
        if scope in scopes:
            return ceiling
    return "none"
