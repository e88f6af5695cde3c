"""Codes of second factors, each of which is good once for all processes together."""

from datetime import datetime, timedelta
from typing import Final

from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction

from accounts.credentials.batches import delete_first
from accounts.credentials.models import UsedCode

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


def delete_used_codes(*, now: datetime, limit: int) -> int:
    """Delete at most ``limit`` codes that nobody could use again anyhow; return how many."""
    due = UsedCode.objects.filter(used_at__lte=now - KEEP_CODES)
    return delete_first(due, by="used_at", limit=limit)
