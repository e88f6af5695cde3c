"""What clients get who know only Docker's older manifests: one made of what is stored.

Nothing of it is stored. It has a digest of its own, by which it cannot be asked for.

Most clients take whatever is stored, also what their ``Accept`` does not name. Sure to need
another form are those that name Docker's schema 1, and neither the stored type nor everything;
Docker before 1.10, which sends no ``Accept``; and those that name schema 2 and no list.
"""

import re
from collections.abc import Collection, Mapping, Set
from datetime import UTC, datetime
from functools import lru_cache

from django.conf import settings

from artifacts.images.config import MAX_CONFIG_BYTES
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import BlobUnknown, ManifestInvalid, ManifestUnknown
from artifacts.oci.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEXES,
    SCHEMA1,
    SCHEMA1_MANIFESTS,
    SCHEMA1_SIGNED,
    essence,
)
from artifacts.oci.names import Reference
from registry.api.distribution.conversions import Conversion
from registry.api.docker_v1.schema1.documents import Schema1
from registry.api.docker_v1.schema1.images import (
    EMPTY_LAYER,
    EMPTY_LAYER_DIGEST,
    NotConvertible,
    check_convertible,
    default_image,
    to_schema1,
)
from registry.api.docker_v1.schema1.jws import sign
from registry.blobs.services import find_blob, read_blob, renew_lease
from registry.blobs.uploads import Chunk, push_blob
from registry.manifests.reads import ResolvedManifest, resolve_manifest
from registry.repositories.models import Repository

_NESTED_INDEXES = 3
_EVERYTHING = frozenset({"*/*", "application/*"})
_NOTHING: frozenset[str] = frozenset()
_BEFORE_SCHEMA2 = re.compile(r"docker/1\.[0-9]\.", re.ASCII)
_REFUSED = re.compile(r";\s*q=0(?:\.0{0,3})?\s*(?:;|\Z)", re.ASCII | re.IGNORECASE)


def as_taken(
    headers: Mapping[str, str],
    *,
    repository: Repository,
    manifest: ResolvedManifest,
    name: str,
    tag: str,
    now: datetime,
) -> ResolvedManifest:
    """``manifest``, unless the client is sure to read only an older form: then that.

    As ``Convert`` has it.
    """
    accepts = _types_taken(headers)
    if manifest.media_type == DOCKER_LIST and _takes_only_images(accepts):
        return _default_image(repository, manifest, now)
    if not accepts & SCHEMA1_MANIFESTS or manifest.media_type in accepts:
        return manifest
    if not settings.BERTH.FEATURE_SCHEMA1_CONVERSION:
        return manifest
    return _for_old_client(repository, manifest, name, tag, accepts, now)


def may_be_due(headers: Mapping[str, str]) -> bool:
    accepts = _types_taken(headers)
    return bool(accepts & SCHEMA1_MANIFESTS) or _takes_only_images(accepts)


CONVERSION = Conversion(may_be_due, as_taken)


def _types_taken(headers: Mapping[str, str]) -> frozenset[str]:
    return _types(headers.get("accept", ""), headers.get("user-agent", ""))


@lru_cache(maxsize=128)  # a cluster's nodes say the same with each request
def _types(accept: str, agent: str) -> frozenset[str]:
    """The types that a client names; none when it says nothing, or takes everything."""
    if not accept.strip():
        return frozenset({SCHEMA1_SIGNED}) if _BEFORE_SCHEMA2.match(agent) else _NOTHING
    types = frozenset(essence(part) for part in accept.split(",") if not _REFUSED.search(part))
    return _NOTHING if types & _EVERYTHING else types


def _takes_only_images(types: Set[str]) -> bool:
    """Whether a client reads Docker's images and cannot choose one from a list."""
    return DOCKER_MANIFEST in types and not types & INDEXES


def _for_old_client(
    repository: Repository,
    manifest: ResolvedManifest,
    name: str,
    tag: str,
    accepts: Collection[str],
    now: datetime,
) -> ResolvedManifest:
    """Of an index that is the image for amd64 and Linux."""
    try:
        image = image_of(repository=repository, digest=manifest.digest, now=now)
        if image.media_type in accepts:
            return image
        body = schema1_of(repository=repository, image=image, name=name, tag=tag, now=now)
    except NotConvertible as error:
        raise ManifestUnknown(
            f"{repository.path}:{tag} cannot be had as Docker's schema 1, the only manifest that"
            f" this client takes: {error}",
            reference=tag,
        ) from error
    digest = str(Digest.of(body))
    if SCHEMA1_SIGNED not in accepts:
        return ResolvedManifest(digest, SCHEMA1, len(body), body)
    signed = sign(body, time=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return ResolvedManifest(digest, SCHEMA1_SIGNED, len(signed), signed)


def _default_image(
    repository: Repository, manifest: ResolvedManifest, now: datetime
) -> ResolvedManifest:
    """The image for amd64 and Linux of a list. Raises ``ManifestUnknown`` when it has none here."""
    try:
        return image_of(repository=repository, digest=manifest.digest, now=now)
    except NotConvertible as error:
        raise ManifestUnknown(
            f"{manifest.digest} is a list, and this client takes only images: {error}",
            digest=manifest.digest,
        ) from error


def image_of(*, repository: Repository, digest: str, now: datetime) -> ResolvedManifest:
    """The manifest itself, or the image that an index has for clients that cannot choose."""
    for _ in range(_NESTED_INDEXES + 1):
        manifest = _read(repository, digest, now)
        if manifest.media_type not in INDEXES:
            return manifest
        digest = str(default_image(_parsed(manifest)))
    raise NotConvertible("its indexes list each other too deeply")


def schema1_of(
    *, repository: Repository, image: ResolvedManifest, name: str, tag: str, now: datetime
) -> bytes:
    """An unsigned schema 1 manifest of an image that is stored in any form.

    The repository holds the empty layer afterwards if the manifest names it.
    """
    document = _parsed(image)
    if document.payload is not None:
        return document.payload
    if not settings.BERTH.FEATURE_SCHEMA1_CONVERSION:
        raise NotConvertible("FEATURE_SCHEMA1_CONVERSION is false in the configuration")
    check_convertible(document)
    config = _config(repository, document, now)
    body = to_schema1(name=name, tag=tag, document=document, config=config)
    if EMPTY_LAYER_DIGEST in Schema1.parse(body).layers:
        _hold_empty_layer(repository, now)
    return body


def _hold_empty_layer(repository: Repository, now: datetime) -> None:
    """Give the repository the layer that converted manifests name where a step added none.

    It is kept as anything pushed is: for a while, and longer when a manifest needs it.
    """
    try:
        renew_lease(
            blob=find_blob(repository=repository, digest=EMPTY_LAYER_DIGEST, now=now), now=now
        )
    except BlobUnknown:
        push_blob(
            repository=repository,
            digest=EMPTY_LAYER_DIGEST,
            chunk=Chunk(pieces=[EMPTY_LAYER], length=len(EMPTY_LAYER)),
            now=now,
        )


def _read(repository: Repository, digest: str, now: datetime) -> ResolvedManifest:
    reference = Reference(digest=Digest.parse(digest))
    try:
        return resolve_manifest(repository=repository, reference=reference, with_body=True, now=now)
    except ManifestUnknown as error:
        raise NotConvertible(f"{digest}, which its index lists, is not here") from error


def _parsed(manifest: ResolvedManifest) -> ManifestDocument:
    try:
        return manifest.document()
    except ManifestInvalid as error:  # stored under older, laxer rules
        raise NotConvertible(error.reason) from error


def _config(repository: Repository, document: ManifestDocument, now: datetime) -> bytes:
    config = document.config
    if config is None or config.size > MAX_CONFIG_BYTES:
        raise NotConvertible(f"it has no config of at most {MAX_CONFIG_BYTES} bytes")
    try:
        blob = find_blob(repository=repository, digest=config.digest, now=now)
        return b"".join(read_blob(blob=blob, start=0, length=blob.size, now=now))
    except BlobUnknown as error:
        raise NotConvertible("its config is not here") from error
