"""Tokens of robots that can be read again, in the namespaces that ``ROBOT_TOKENS_READABLE`` names.

Everywhere else only a fingerprint is kept. Some programs that manage robots read the token of one
that is there already, and would write an empty one where it belongs.
"""

from typing import Final

from cryptography.fernet import InvalidToken
from django.conf import settings

from accounts.credentials.keys import cipher
from accounts.credentials.models import AccessToken
from accounts.users.models import Robot

_PURPOSE: Final = "berth robot tokens"


def is_readable(robot: Robot) -> bool:
    return robot.namespace.name in settings.BERTH.ROBOT_TOKENS_READABLE


def sealed(secret: str, *, robot: Robot) -> str:
    """What is kept of a new token beside its fingerprint; nothing where nobody is to read it."""
    if not is_readable(robot):
        return ""
    return cipher(purpose=_PURPOSE).encrypt(secret.encode()).decode()


def readable_secret(token: AccessToken | None, *, robot: Robot) -> str | None:
    """``None`` where it was not kept, may not be read, or was sealed under another SECRET_KEY."""
    if token is None or not token.sealed or not is_readable(robot):
        return None
    try:
        return cipher(purpose=_PURPOSE).decrypt(token.sealed.encode()).decode()
    except InvalidToken:
        return None


def erase_unreadable() -> int:
    """Forget what may not be read any more; return of how many tokens."""
    names = settings.BERTH.ROBOT_TOKENS_READABLE
    tokens = AccessToken.objects.exclude(sealed="")
    return tokens.exclude(robot__namespace__name__in=names).update(sealed="")


def reseal_tokens() -> list[str]:
    """Encrypt them under SECRET_KEY; return those that cannot be read any more."""
    lost = []
    tokens = AccessToken.objects.exclude(sealed="").select_related("robot__namespace", "user")
    for token in tokens.iterator():
        try:
            again = cipher(purpose=_PURPOSE).rotate(token.sealed.encode()).decode()
        except InvalidToken:
            lost.append(str(token))
            continue
        # A new token may have come meanwhile: its row is another one.
        AccessToken.objects.filter(pk=token.pk, sealed=token.sealed).update(sealed=again)
    return lost
