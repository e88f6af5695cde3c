"""People whose passwords a directory knows (LDAP).

An account that the directory opens was made by it: what else there is under that name, with a
password of Berth's or of another service, stays closed to it.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.audit.services import Actor
from accounts.credentials.ldap.connection import (
    DirectoryFailure,
    DirectoryRefusal,
    Entry,
    LdapConnection,
    Result,
)
from accounts.errors import AccountError
from accounts.names import is_name
from accounts.statements import refuse_on_loop
from accounts.users.models import User
from accounts.users.passwords import MAX_PASSWORD_LENGTH
from accounts.users.services import create_user
from artifacts.oci.errors import Unavailable
from artifacts.text import decoded

PROVIDER: Final = "ldap"
ANSWER_SECONDS: Final = 5  # for finding somebody, and again for trying their password
ASKED_AT_ONCE: Final = 8
_WAIT_SECONDS: Final = 5
_LONGEST_EMAIL: Final = 254

# The account may be locked, or its password may have to be changed first: so says the directory.
_WRONG: Final = {
    Result.INVALID_CREDENTIALS,
    Result.INAPPROPRIATE_AUTHENTICATION,
    Result.INSUFFICIENT_ACCESS_RIGHTS,
    Result.CONSTRAINT_VIOLATION,
    Result.UNWILLING_TO_PERFORM,
    Result.NO_SUCH_OBJECT,
}

logger = logging.getLogger(__name__)

_places = threading.BoundedSemaphore(ASKED_AT_ONCE)


class DirectoryUnavailable(Unavailable):
    def __init__(self) -> None:
        super().__init__("the directory that knows this password does not answer; try again later")


def is_in_directory(user: User | None) -> bool:
    """Whether the directory has to say if a password is right."""
    is_elsewhere = user is None or not user.has_usable_password()
    return settings.BERTH.AUTHENTICATION_TYPE == "LDAP" and is_elsewhere


def directory_person(username: str, password: str, *, address: str, now: datetime) -> User | None:
    """The person of that name and password, with an account made for them if they are new.

    Raises ``DirectoryUnavailable``: whether the password is right is not known.
    """
    refuse_on_loop()
    if not is_name(username) or not _may_be_a_password(password):
        return None
    with _asking():
        email = _email_of(username, password)
    if email is None:
        return None
    account = SocialAccount.objects.filter(provider=PROVIDER, uid=username).first()
    if account is not None:
        user: User = account.user
        return user
    try:
        return _account_of(username, email, address=address, now=now)
    except AccountError as error:
        logger.warning("no account was made for a person of the directory: %s", error)
        return None


def _may_be_a_password(password: str) -> bool:
    """Half of a pair of surrogates cannot be sent, and what is empty up to a NUL is no password."""
    is_text = not any("\ud800" <= character <= "\udfff" for character in password)
    return is_text and "\0" not in password and 0 < len(password) <= MAX_PASSWORD_LENGTH


@contextmanager
def _asking() -> Iterator[None]:
    """Few ask at once: while the directory is slow, threads are left for everybody else."""
    if not _places.acquire(timeout=_WAIT_SECONDS):
        raise DirectoryUnavailable
    try:
        yield
    finally:
        _places.release()


def _email_of(username: str, password: str) -> str | None:
    """The e-mail address of whoever has this name and password; ``None``: nobody has."""
    try:
        with _connection() as directory:
            directory.bind(
                settings.BERTH.LDAP_ADMIN_DN.encode(), settings.BERTH.LDAP_ADMIN_PASSWD.encode()
            )
            entry = _entry_of(directory, username)
        if entry is None:
            return None
        with _connection() as directory:
            if not _fits(directory, entry.name, password):
                return None
    except (DirectoryFailure, DirectoryRefusal) as error:
        logger.error("the directory at %s cannot be asked: %s", settings.BERTH.LDAP_URI, error)  # noqa: TRY400 - whose trace tells nothing
        raise DirectoryUnavailable from error
    return _email_in(entry.values)


def _connection() -> LdapConnection:
    return LdapConnection(settings.BERTH.LDAP_URI, seconds=ANSWER_SECONDS)


def _entry_of(directory: LdapConnection, username: str) -> Entry | None:
    """The one entry of that name. Of two, nobody can tell whose password is meant."""
    try:
        entries = directory.search(
            ",".join([*settings.BERTH.LDAP_USER_RDN, *settings.BERTH.LDAP_BASE_DN]),
            where=settings.BERTH.LDAP_UID_ATTR,
            equals=username,
            show=settings.BERTH.LDAP_EMAIL_ATTR,
            at_most=2,
        )
    except DirectoryRefusal as refusal:
        if refusal.code == Result.SIZE_LIMIT_EXCEEDED:
            return None
        raise
    return entries[0] if len(entries) == 1 else None


def _fits(directory: LdapConnection, name: bytes, password: str) -> bool:
    try:
        directory.bind(name, password.encode())
    except DirectoryRefusal as refusal:
        if refusal.code in _WRONG:
            return False
        raise
    return True


def _email_in(values: list[bytes]) -> str:
    """What the directory calls an address may be none; the person comes in without."""
    email = decoded(values[0]).lower() if values else ""
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email if len(email) <= _LONGEST_EMAIL else ""


def _account_of(username: str, email: str, *, address: str, now: datetime) -> User:
    with transaction.atomic():
        user = create_user(
            username=username,
            password=None,
            email=email,
            now=now,
            by=Actor(username, address=address),
        )
        SocialAccount.objects.create(user=user, provider=PROVIDER, uid=username)
    return user
