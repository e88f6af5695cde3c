"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters.

    Django's own take 100 MiB and 8 threads for every login, which a registry that
    answers many clients from small workers cannot afford.

    Source: OWASP Password Storage Cheat Sheet, "Argon2id".
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
