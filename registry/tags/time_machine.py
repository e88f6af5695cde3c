"""How long tags that ended can be restored: the time machine of an organization."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from accounts.users.models import Namespace
from artifacts.oci.lifetimes import LifetimeInvalid, parse_lifetime
from registry.tags.models import Tag, TagQuerySet


class TimeMachineRefused(AccountError):
    """The time machine cannot be set so."""


def time_machine_of(namespace: Namespace) -> timedelta:
    """How long a tag of the namespace can be restored after it ended. No query."""
    if namespace.tag_expiration_seconds is not None:
        return timedelta(seconds=namespace.tag_expiration_seconds)
    return default_time_machine()


def set_time_machine(
    *, namespace: Namespace, lifetime: str | None, now: datetime, by: Actor = SYSTEM
) -> None:
    """Choose one of ``TAG_EXPIRATION_OPTIONS``; ``None`` is what the configuration says.

    Raises ``TimeMachineRefused``.
    """
    if not settings.BERTH.FEATURE_CHANGE_TAG_EXPIRATION:
        raise TimeMachineRefused(
            "organizations may not choose their time machine (FEATURE_CHANGE_TAG_EXPIRATION)"
        )
    namespace.tag_expiration_seconds = None if lifetime is None else _option_seconds(lifetime)
    with transaction.atomic():
        namespace.save(update_fields=["tag_expiration_seconds"])
        by.did("namespace.time-machine", namespace.name, now=now, lifetime=lifetime)


def default_time_machine() -> timedelta:
    """What holds where a namespace chose nothing."""
    return parse_lifetime(settings.BERTH.DEFAULT_TAG_EXPIRATION)


def lost_by(*, namespace: Namespace, lifetime: timedelta, now: datetime) -> TagQuerySet:
    """Ended tags that can be restored now and could not with a time machine of ``lifetime``."""
    since, until = now - time_machine_of(namespace), now - lifetime
    ended = Q(ended_at__gt=since, ended_at__lte=until)
    expired = Q(ended_at=None, expires_at__gt=since, expires_at__lte=until)
    return Tag.objects.filter(ended | expired, repository__namespace=namespace)


def _option_seconds(text: str) -> int:
    options = {parse_lifetime(option) for option in settings.BERTH.TAG_EXPIRATION_OPTIONS}
    try:
        lifetime = parse_lifetime(text)
    except LifetimeInvalid as error:
        raise TimeMachineRefused(str(error)) from error
    if lifetime not in options:
        choices = ", ".join(settings.BERTH.TAG_EXPIRATION_OPTIONS)
        raise TimeMachineRefused(f"{text} is not one of {choices} (TAG_EXPIRATION_OPTIONS)")
    return int(lifetime.total_seconds())
