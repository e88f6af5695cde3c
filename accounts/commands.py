"""What management commands share: errors as one sentence, names to rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.management.base import CommandError

from accounts.audit.services import Actor
from accounts.errors import OwnerUnknown, UserUnknown
from accounts.users.models import Namespace, User
from artifacts.refusals import Refusal

COMMAND_LINE: Final = Actor("command line")


@contextmanager
def sentences() -> Iterator[None]:
    """Show what went wrong as one sentence, without a traceback."""
    try:
        yield
    except Refusal as error:
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
