"""Second factors: each code, and each use of a key, is good once for all processes together."""

from datetime import datetime, timedelta
from typing import Final

from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction

from accounts.audit.services import Actor
from accounts.credentials.models import UsedCode, delete_first
from accounts.users.models import User
from accounts.users.services import bump_access_epoch

KEEP_CODES: Final = timedelta(minutes=5)  # a code is good for a minute and a half at most


def use_code(*, authenticator: Authenticator, code: str, now: datetime) -> bool:
    """Take a right code. False when it was taken before, also at the same moment elsewhere."""
    digits = "".join(code.split())
    try:
        with transaction.atomic():
            UsedCode.objects.filter(
                authenticator=authenticator, used_at__lte=now - KEEP_CODES
            ).delete()
            UsedCode.objects.create(authenticator=authenticator, code=digits, used_at=now)
    except IntegrityError:
        return False
    return True


def count_use(*, authenticator: Authenticator, counter: int) -> bool:
    """Note how often a key says it has signed. False when that is not more than before.

    Then there are two of it (Web Authentication, 6.1.1). Keys that do not count always say 0.
    """
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        before = row.data.get("counter", row.wrap().authenticator_data.counter)
        if (counter or before) and counter <= before:
            return False
        row.data["counter"] = counter
        row.save(update_fields=["data"])
    return True


def clear_factors(*, user: User, now: datetime, by: Actor) -> int:
    """Take away all second factors, passkeys and recovery codes; return how many there were.

    For somebody who has lost them: the password alone is enough again.
    """
    with transaction.atomic():
        factors = list(Authenticator.objects.select_for_update().filter(user=user).order_by("pk"))
        Authenticator.objects.filter(pk__in=[factor.pk for factor in factors]).delete()
        for factor in factors:
            note_removal(user=user, factor=factor.type, now=now, by=by)
    return len(factors)


def note_removal(*, user: User, factor: str, now: datetime, by: Actor) -> None:
    by.did("user.second-factor.remove", user.username, now=now, factor=factor)
    bump_access_epoch()


def delete_used_codes(*, now: datetime, limit: int) -> int:
    """Delete at most ``limit`` codes that nobody could use again anyhow; return how many."""
    due = UsedCode.objects.filter(used_at__lte=now - KEEP_CODES)
    return delete_first(due, by="used_at", limit=limit)
