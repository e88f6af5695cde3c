"""Login with a password in the browser, slowed after failures like every other door."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest  # noqa: TID251 - the signature Django prescribes
from django.utils import timezone

from accounts.credentials.ldap.directory import DirectoryUnavailable
from accounts.credentials.services import authenticate_person
from accounts.origin import address_of
from accounts.users.models import User
from artifacts.oci.errors import Denied, TooManyRequests, Unauthorized


class PasswordBackend(ModelBackend):
    """Django's backend, with our check of the password instead of its own."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user, or None when the credentials are wrong or the account is disabled.

        Raises:
            ValidationError: too many failures, or the directory does not answer. Django's login
                form shows it.
        """
        address = address_of(request.META) if request else ""
        try:
            principal = authenticate_person(
                username=username or "",
                password=password or "",
                address=address,
                now=timezone.now(),  # noqa: TID251 - Django calls this, and hands no time in
            )
        except (TooManyRequests, DirectoryUnavailable) as error:
            raise ValidationError(error.reason, code="not now") from error
        except (Denied, Unauthorized):
            return None
        return User.objects.get(pk=principal.id)
