"""Slowing down failed logins without locking anybody out.

A failure counts for one account at one address: the owner of the account, at another
address, notices nothing. An address that fails over many accounts is slowed as a whole,
but for the accounts that have logged in from there before: an office, or all that come by one
proxy, go on working beside a guesser.
Whoever is slowed is refused before any hashing, even with the right password: otherwise
the answer would tell a guesser that the guess was right.

Random tokens of 256 bits cannot be guessed: a right one is never slowed, only wrong ones are.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils.crypto import salted_hmac

from accounts.credentials.models import LoginThrottle, delete_first
from accounts.origin import network_of
from accounts.statements import Prepared, moment
from artifacts.oci.errors import TooManyRequests

FREE_FAILURES: Final = 5
"""Failures of one account at one address before the next try has to wait."""

FREE_ACCOUNTS: Final = 20
"""Accounts with failures at one address before all its tries have to wait."""

LONGEST_WAIT_SECONDS: Final = 60
FORGET_AFTER: Final = timedelta(minutes=15)

KNOWN_FOR: Final = timedelta(days=30)
"""How long an account that has logged in from an address is known there."""

_SUCCESS_NOTED_EVERY: Final = timedelta(days=1)
_NO_ROW: Final = (0, None, None)
_ROWS: Final = Prepared(
    lambda *keys: LoginThrottle.objects.filter(pk__in=keys).values_list(
        "key", "failures", "blocked_until", "succeeded_at"
    )
)
_FAILURE_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to log in: the two keys that it may be slowed by."""

    account_key: str
    address_key: str

    @classmethod
    def of(cls, account: str, *, address: str) -> "Attempt":
        network = network_of(address)
        return cls(account_key=_key("account", account, network), address_key=_key("", network))


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an account at an address, before a try."""

    failed_before: bool
    is_known: bool  # it has logged in from there of late, and that is written down


def refuse_if_blocked(attempt: Attempt, *, now: datetime) -> Standing:
    """Raise when ``attempt`` comes too early; else tell how the account stands.

    Raises:
        TooManyRequests: with the seconds to wait. This try is not counted.
    """
    rows = {row[0]: row[1:] for row in _ROWS.rows(attempt.account_key, attempt.address_key)}
    failures, blocked_until, succeeded_at = rows.get(attempt.account_key, _NO_ROW)
    _refuse(blocked_until, now)
    known_at = succeeded_at and moment(succeeded_at)
    if known_at is None or known_at <= now - KNOWN_FOR:
        _, blocked_until, _ = rows.get(attempt.address_key, _NO_ROW)
        _refuse(blocked_until, now)
    return Standing(
        failed_before=failures > 0,
        is_known=known_at is not None and known_at > now - _SUCCESS_NOTED_EVERY,
    )


def count_failure(attempt: Attempt, *, now: datetime) -> None:
    with transaction.atomic():
        if _count(attempt.account_key, free=FREE_FAILURES, now=now) == 1:
            _count(attempt.address_key, free=FREE_ACCOUNTS, now=now)


def is_failure_to_note(key: str, *, now: datetime) -> bool:
    """Whether the audit log is to be told of a failure that was counted under ``key``.

    Once a minute, for all processes together.
    """
    unnoted = Q(noted_at=None) | Q(noted_at__lte=now - _FAILURE_NOTED_EVERY)
    return bool(LoginThrottle.objects.filter(unnoted, pk=key).update(noted_at=now))


def note_success(attempt: Attempt, standing: Standing, *, now: datetime) -> None:
    """Forget the failures of an account that has logged in, and know it there from now on.

    Most logins write nothing: an account is written down once a day.
    """
    if standing.is_known and not standing.failed_before:
        return
    with transaction.atomic():
        forgiven = LoginThrottle.objects.filter(pk=attempt.account_key, failures__gt=0).update(
            failures=0, blocked_until=None
        )
        if forgiven:
            address = LoginThrottle.objects.filter(pk=attempt.address_key, failures__gt=0)
            address.update(failures=F("failures") - 1)
        LoginThrottle.objects.update_or_create(
            key=attempt.account_key,
            defaults={"succeeded_at": now, "updated_at": now},
            create_defaults={"failures": 0, "succeeded_at": now, "updated_at": now},
        )


def delete_forgotten(*, now: datetime, limit: int) -> int:
    """Delete at most ``limit`` rows that count for nothing any more; return how many."""
    unknown = Q(succeeded_at=None) | Q(succeeded_at__lte=now - KNOWN_FOR)
    due = LoginThrottle.objects.filter(unknown, updated_at__lt=now - FORGET_AFTER)
    return delete_first(due, by="updated_at", limit=limit)


def _refuse(blocked_until: Any, now: datetime) -> None:
    """Raise while a row, as it was read, blocks."""
    if blocked_until is None or (until := moment(blocked_until)) <= now:
        return
    seconds = math.ceil((until - now).total_seconds())
    raise TooManyRequests(
        f"too many failed logins; try again in {seconds} s", retry_after_seconds=seconds
    )


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
