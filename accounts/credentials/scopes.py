"""What an application token may be used for in the management API: OAuth scopes as Quay names them.

A token may do what its scopes say, as far as its person may. Below ``/v2`` only those about
repositories count, as the ceiling ``read``, ``write`` or ``admin``.
"""

from collections.abc import Mapping
from typing import Final

from accounts.credentials.principals import Scope
from accounts.errors import AccountError

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
_MAX_TEXT = 255


class ScopeUnknown(AccountError):
    def __init__(self, word: str) -> None:
        known = ", ".join(sorted(ALL_SCOPES))
        super().__init__(f"there is no scope {word[:40]!a}; there are {known}")


def read_scopes(text: str) -> frozenset[str]:
    """The scopes in ``text``, between blanks or commas, with those that they imply.

    Raises ``ScopeUnknown``; of none at all too.
    """
    words = text[:_MAX_TEXT].replace(",", " ").split()
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


_CEILINGS: Final[tuple[tuple[Scope, str], ...]] = (
    ("admin", "repo:admin"),
    ("write", "repo:write"),
    ("read", "repo:read"),
)
