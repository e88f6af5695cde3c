"""Half of the tests make people with passwords, and nobody attacks those."""

from accounts.users.passwords import Argon2Hasher


class QuickHasher(Argon2Hasher):
    time_cost = 1
    memory_cost = 8  # KiB
