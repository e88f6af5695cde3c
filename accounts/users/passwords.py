"""Which passwords are good enough, making one that is, and how they are hashed."""

import secrets
from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.errors import PasswordRefused
from accounts.users.models import User

# Nobody types more; without a bound, hashing megabytes is a way to keep the server busy.
MAX_PASSWORD_LENGTH: Final = 1024
GENERATED_BYTES: Final = 18


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters.

    Django's own take 100 MiB and 8 threads for every login, which a registry that
    answers many clients from small workers cannot afford.

    Source: OWASP Password Storage Cheat Sheet, "Argon2id".
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1


def check_new_password(password: str, *, user: User) -> str:
    """Return ``password``, or raise with every reason why ``user`` cannot have it."""
    if len(password) > MAX_PASSWORD_LENGTH:
        raise PasswordRefused([f"It has more than {MAX_PASSWORD_LENGTH} characters."])
    if not password.isprintable():
        raise PasswordRefused(["It holds characters that cannot be typed."])
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordRefused(error.messages) from error
    return password


def random_password() -> str:
    return secrets.token_urlsafe(GENERATED_BYTES)
