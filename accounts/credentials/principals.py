"""Who calls: the value that every door hands to the access rules."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

PrincipalKind = Literal["anonymous", "user", "robot"]
Scope = Literal["none", "read", "write", "admin"]


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
