"""Labels that people put on manifests. Those of an image are part of what was pushed."""

import re
from datetime import datetime
from typing import Final

from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_json
from registry.manifests.models import Manifest, ManifestLabel
from registry.repositories.models import Repository

MAX_LABELS: Final = 100  # of one manifest
MAX_VALUE_LENGTH: Final = 4096
TEXT, JSON = "text/plain", "application/json"
MEDIA_TYPES: Final = (TEXT, JSON)
_KEY: Final = re.compile(r"[a-z0-9](?:[a-z0-9._/-]{0,253}[a-z0-9])?", re.ASCII)
# What tools and registries say of an image, which nobody may say for them.
_RESERVED: Final = (
    *("com.docker", "io.docker", "org.dockerproject", "org.opencontainers", "io.cncf"),
    *("io.kubernetes", "io.k8s", "io.quay", "com.coreos", "com.tectonic", "internal", "quay"),
)


class LabelRefused(AccountError):
    """The key or the value cannot be used, or there are too many labels."""


def add_label(
    *,
    repository: Repository,
    manifest: Manifest,
    key: str,
    value: str,
    media_type: str = "",
    now: datetime,
    by: Actor = SYSTEM,
) -> ManifestLabel:
    """One more label on ``manifest``; several may have the same key.

    Args:
        media_type: empty: JSON where the value is an object, else text.

    Raises ``LabelRefused``.
    """
    _check(key, value, media_type)
    with transaction.atomic():
        list(Manifest.objects.select_for_update().filter(pk=manifest.pk).values_list("pk"))
        if manifest.own_labels.count() >= MAX_LABELS:
            raise LabelRefused(f"a manifest has at most {MAX_LABELS} labels of its own")
        label: ManifestLabel = manifest.own_labels.create(
            key=key, value=value, media_type=media_type or _type_of(value)
        )
        _tell(by, "add", repository, manifest, label, now)
    return label


def delete_label(
    *,
    repository: Repository,
    manifest: Manifest,
    label: ManifestLabel,
    now: datetime,
    by: Actor = SYSTEM,
) -> None:
    with transaction.atomic():
        label.delete()
        _tell(by, "delete", repository, manifest, label, now)


def _check(key: str, value: str, media_type: str) -> None:
    if not _KEY.fullmatch(key):
        raise LabelRefused(
            "a label's key has small letters and digits, and '.', '-', '_' or '/' between them,"
            f" not {key[:80]!a}"
        )
    if key.startswith(tuple(f"{prefix}." for prefix in _RESERVED)) or key in _RESERVED:
        raise LabelRefused(f"the key {key[:80]!r} is reserved for those who make images")
    if len(value) > MAX_VALUE_LENGTH:
        raise LabelRefused(f"a label's value has at most {MAX_VALUE_LENGTH} characters")
    if media_type == JSON and not _is_json(value):
        raise LabelRefused("the value is no JSON")


def _type_of(value: str) -> str:
    return JSON if value.startswith("{") and _is_json(value) else TEXT


def _is_json(value: str) -> bool:
    try:
        parse_json(value.encode())
    except ManifestInvalid:
        return False
    return True


def _tell(
    by: Actor,
    what: str,
    repository: Repository,
    manifest: Manifest,
    label: ManifestLabel,
    now: datetime,
) -> None:
    by.did(
        f"manifest.label.{what}",
        f"{repository.path}@{manifest.digest}",
        now=now,
        key=label.key,
        value=label.value[:255],
    )
