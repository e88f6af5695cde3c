"""Slowing down failed logins without locking anybody out.

A failure counts for one account at one address: the owner of the account, at another
address, notices nothing. An address that fails over many accounts is slowed as a whole.
Whoever is slowed is refused before any hashing, even with the right password: otherwise
the answer would tell a guesser that the guess was right.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Value, When
from django.utils.crypto import salted_hmac

from accounts.credentials.models import LoginThrottle
from artifacts.oci.errors import TooManyRequests

FREE_FAILURES: Final = 5
"""Failures of one account at one address before the next try has to wait."""

FREE_ACCOUNTS: Final = 20
"""Accounts with failures at one address before all its tries have to wait."""

LONGEST_WAIT_SECONDS: Final = 60
FORGET_AFTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to log in: the two keys that it may be slowed by."""

    account_key: str
    address_key: str

    @classmethod
    def of(cls, account: str, *, address: str) -> "Attempt":
        network = _network(address)
        return cls(account_key=_key("account", account, network), address_key=_key("", network))


def refuse_if_blocked(attempt: Attempt, *, now: datetime) -> bool:
    """Raise when ``attempt`` comes too early; else tell whether its account failed before.

    Raises:
        TooManyRequests: with the seconds to wait. This try is not counted.
    """
    rows = LoginThrottle.objects.filter(pk__in=[attempt.account_key, attempt.address_key])
    failed_before = False
    for row in rows:
        if row.blocked_until is not None and row.blocked_until > now:
            seconds = math.ceil((row.blocked_until - now).total_seconds())
            raise TooManyRequests(
                f"too many failed logins; try again in {seconds} s", retry_after_seconds=seconds
            )
        failed_before |= row.pk == attempt.account_key
    return failed_before


def count_failure(attempt: Attempt, *, now: datetime) -> None:
    with transaction.atomic():
        if _count(attempt.account_key, free=FREE_FAILURES, now=now) == 1:
            _count(attempt.address_key, free=FREE_ACCOUNTS, now=now)


def forgive(attempt: Attempt) -> None:
    """Forget the failures of an account that has logged in after all."""
    with transaction.atomic():
        deleted, _ = LoginThrottle.objects.filter(pk=attempt.account_key).delete()
        if deleted:
            address = LoginThrottle.objects.filter(pk=attempt.address_key, failures__gt=0)
            address.update(failures=F("failures") - 1)


def delete_forgotten(*, now: datetime, limit: int) -> int:
    """Delete at most ``limit`` rows that count for nothing any more; return how many."""
    due = LoginThrottle.objects.filter(updated_at__lt=now - FORGET_AFTER)
    chosen = list(due.order_by("updated_at", "pk").values_list("pk", flat=True)[:limit])
    # Asked again in the delete: a failure may have renewed the row meanwhile.
    deleted, _ = due.filter(pk__in=chosen).delete()
    return deleted


def _count(key: str, *, free: int, now: datetime) -> int:
    """Add one failure to ``key``; return how many it has, and make it wait from ``free`` on."""
    if not _increment(key, now=now):
        try:
            with transaction.atomic():
                LoginThrottle.objects.create(key=key, failures=1, updated_at=now)
        except IntegrityError:  # another failure made the row meanwhile
            _increment(key, now=now)
    row = LoginThrottle.objects.filter(pk=key).first()
    failures = row.failures if row else 1  # gone: forgiven meanwhile
    if failures >= free:
        blocked_until = now + timedelta(seconds=wait_seconds(failures - free))
        LoginThrottle.objects.filter(pk=key, failures__lte=failures).update(
            blocked_until=blocked_until
        )
    return failures


def _increment(key: str, *, now: datetime) -> bool:
    forgotten = When(updated_at__lt=now - FORGET_AFTER, then=Value(1))
    return bool(
        LoginThrottle.objects.filter(pk=key).update(
            failures=Case(forgotten, default=F("failures") + 1), updated_at=now
        )
    )


def wait_seconds(failures_too_many: int) -> int:
    """1, 2, 4, … up to a minute."""
    return min(1 << min(failures_too_many, 30), LONGEST_WAIT_SECONDS)


def _key(*parts: str) -> str:
    # Keyed: people type passwords into the name field, and this is stored.
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return salted_hmac("berth.login-throttle", text, algorithm="sha256").hexdigest()


def _network(address: str) -> str:
    """What one person controls: an IPv4 address, or a /64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
