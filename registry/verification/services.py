"""Register and remove the keys that signatures are checked with."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from accounts.names import check_name
from accounts.users.models import Namespace
from artifacts.signatures.keys import KeyRefused, VerifyingKey
from artifacts.signatures.verdicts import State
from registry.events.kinds import EventType
from registry.events.outbox import note
from registry.verification.models import Keyring, PublicKey, Verdict, VerdictQuerySet

MAX_KEYS = 25  # each signature is tried with each of them
_MOST_TOLD = 500  # of the signatures that go with a key


class PublicKeyRefused(AccountError):
    """The text is no key that can be used, or the key is there already."""


class KeyNameTaken(PublicKeyRefused):
    """Another key has the name."""


def register_key(
    *, namespace: Namespace, name: str, pem: str, now: datetime, by: Actor = SYSTEM
) -> PublicKey:
    """Trust a public key in every repository of the namespace. Raises ``AccountError``.

    Signatures that are here already are checked again by ``checking.recompute``, and by the
    first pull that needs one of them.
    """
    check_name(name)
    try:
        key = VerifyingKey.parse(pem)
    except KeyRefused as error:
        raise PublicKeyRefused(str(error)) from error
    try:
        with transaction.atomic():
            _next_version(namespace)
            if PublicKey.objects.filter(namespace=namespace).count() >= MAX_KEYS:
                raise PublicKeyRefused(
                    f"{namespace.name} has {MAX_KEYS} keys, which is the most there can be"
                )
            added = PublicKey.objects.create(
                namespace=namespace,
                name=name,
                pem=key.pem,
                fingerprint=key.fingerprint,
                algorithm=key.algorithm,
                created_at=now,
                added_by=by.name[:255],
            )
            by.did(
                "public-key.register",
                namespace.name,
                now=now,
                key=name,
                fingerprint=key.fingerprint,
            )
    except IntegrityError as error:
        raise _refusal_of_a_double(namespace, name, key) from error
    return added


def remove_key(*, key: PublicKey, now: datetime, by: Actor = SYSTEM) -> None:
    """Stop trusting a key. What only it made valid is not valid any more, at once."""
    with transaction.atomic():
        _next_version(key.namespace)
        reason = f"the key {key.name} was removed"
        lost = Verdict.objects.filter(key=key.pk)
        _tell_of_losses(lost, reason, now=now, by=by)
        lost.update(state=State.UNVERIFIABLE, key=None, reason=reason)
        PublicKey.objects.filter(pk=key.pk).delete()
        by.did(
            "public-key.remove",
            key.namespace.name,
            now=now,
            key=key.name,
            fingerprint=key.fingerprint,
        )


def _next_version(namespace: Namespace) -> None:
    """Locks the keyring until commit: verdicts are written under the same lock."""
    Keyring.objects.get_or_create(namespace=namespace)
    Keyring.objects.filter(namespace=namespace).update(version=F("version") + 1)


def _tell_of_losses(lost: VerdictQuerySet, reason: str, *, now: datetime, by: Actor) -> None:
    rows = lost.select_related("repository", "manifest").defer("manifest__body").order_by("pk")
    for verdict in rows[:_MOST_TOLD]:
        note(
            EventType.SIGNATURE_FAILED,
            repository=verdict.repository,
            now=now,
            by=by,
            digest=verdict.subject_digest,
            signature=verdict.manifest.digest,
            state=State.UNVERIFIABLE.value,
            reason=reason,
        )


def _refusal_of_a_double(namespace: Namespace, name: str, key: VerifyingKey) -> PublicKeyRefused:
    same = PublicKey.objects.filter(namespace=namespace, fingerprint=key.fingerprint).first()
    if same:
        return PublicKeyRefused(f"{namespace.name} has registered this key already, as {same.name}")
    return KeyNameTaken(
        f"{namespace.name} has a key {name} already; remove it first or choose another name"
    )
