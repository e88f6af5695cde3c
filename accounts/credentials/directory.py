"""People whose passwords a directory (LDAP) keeps.

An account that the directory opens was made by it: what else there is under that name, with a
password of Berth's or of another service, stays closed to it.
"""

import logging
from datetime import datetime
from typing import Any, Final

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction

from accounts.audit.services import Actor
from accounts.errors import AccountError
from accounts.names import is_name
from accounts.users.models import User
from accounts.users.services import create_user

PROVIDER: Final = "ldap"
logger = logging.getLogger(__name__)


def is_in_directory(user: User | None) -> bool:
    """Whether the directory has to say if a password is right."""
    is_elsewhere = user is None or not user.has_usable_password()
    return settings.AUTHENTICATION_TYPE == "LDAP" and is_elsewhere


def directory_person(username: str, password: str, *, address: str, now: datetime) -> User | None:
    """The person of that name and password, with an account made for them if they are new."""
    from django_auth_ldap.backend import LDAPBackend

    class Directory(LDAPBackend):  # type: ignore[misc]
        def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
            known = SocialAccount.objects.filter(provider=PROVIDER, uid=username).first()
            if known is not None:
                return known.user, False
            emails = ldap_user.attrs.get(settings.LDAP_EMAIL_ATTR) or [""]
            return _make(username, emails[0].lower(), address=address, now=now), False

    if not is_name(username):
        return None
    try:
        found: User | None = Directory().authenticate(None, username=username, password=password)
    except AccountError as error:
        logger.warning("no account was made for a person of the directory: %s", error)
        return None
    return found


def _make(username: str, email: str, *, address: str, now: datetime) -> User:
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
