"""The grammar of the names that users, organizations, robots and teams carry.

A namespace is the first component of repository names and of page addresses, so what our own
pages and endpoints are called is reserved.
"""

import re
from typing import Final

from accounts.errors import NameRefused

MIN_NAME_LENGTH: Final = 2
MAX_NAME_LENGTH: Final = 255

# Possessive quantifiers: a hostile name must not make the match backtrack.
_NAME = re.compile(r"[a-z0-9]++(?:[._-][a-z0-9]++)*+", re.ASCII)

_PAGES: Final = """
    2fa about accept access account accounts admin anonymous api assets auth blobs compare config
    contact csrf_token dashboard docs download explore favicon.ico features health healthz help home
    invite jwks livez login logout manifests me media metrics new notifications oauth oauth2 oidc
    organization organizations password ping plans privacy readyz referrers register repositories
    repository reset robots.txt root search security security.txt settings setup signin signout
    signup starred static status styleguide superuser support system tags team teams terms token
    tokens uploads user users v1 v2 v3 webhooks well-known
"""
RESERVED: Final = frozenset(_PAGES.split())


def is_name(text: str) -> bool:
    """Whether ``text`` has the form of a name, reserved or not."""
    return MIN_NAME_LENGTH <= len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Return ``name``, or say why no robot and no team may be called so."""
    if not MIN_NAME_LENGTH <= len(name) <= MAX_NAME_LENGTH:
        raise NameRefused(name, f"it must have {MIN_NAME_LENGTH} to {MAX_NAME_LENGTH} characters")
    if not is_name(name):
        raise NameRefused(
            name,
            "it may hold lower-case letters and digits, with single '.', '_' or '-' between them",
        )
    return name


def check_namespace_name(name: str) -> str:
    """Return ``name``, or say why no user and no organization may be called so."""
    if check_name(name) in RESERVED:
        raise NameRefused(name, "it is reserved for Berth itself")
    return name
