"""What the accounts' management commands share: errors as one sentence, names to rows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from django.core.management.base import CommandError

from accounts.audit.services import Actor
from accounts.errors import AccountError, ExpiryRefused, OwnerUnknown, UserUnknown
from accounts.users.models import Namespace, User

COMMAND_LINE: Final = Actor("command line")

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LIFETIME: Final = re.compile(r"([1-9][0-9]{0,5})([smhdw])", re.ASCII)


@contextmanager
def sentences() -> Iterator[None]:
    """Show what went wrong as one sentence, without a traceback."""
    try:
        yield
    except AccountError as error:
        raise CommandError(str(error)) from error


def user_named(name: str) -> User:
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist:
        raise UserUnknown(name) from None


def namespace_named(name: str) -> Namespace:
    try:
        return Namespace.objects.get(name=name)
    except Namespace.DoesNotExist:
        raise OwnerUnknown(name) from None


def parse_lifetime(text: str) -> timedelta:
    """``90d``, ``12h`` and so on."""
    if (match := _LIFETIME.fullmatch(text)) is None:
        raise ExpiryRefused(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
