"""What happens when a blob is fetched or mounted, whichever door that comes through."""

from datetime import datetime

from artifacts.oci.digest import AlgorithmUnsupported, Digest
from artifacts.oci.errors import BlobUnknown, NameInvalid
from registry.access.callers import Caller
from registry.access.rights import readable_repositories
from registry.blobs import services as blobs
from registry.blobs.services import StoredBlob, find_blob, renew_lease
from registry.repositories.models import Repository, RepositoryQuerySet
from registry.repositories.paths import repository_path


def fetch_blob(*, repository: Repository, digest: str, caller: Caller, now: datetime) -> StoredBlob:
    """The blob, kept for a caller who may push: a manifest that names it may follow.

    Raises ``BlobUnknown`` when the repository does not hold it, ``DigestInvalid`` for no digest.
    """
    blob = find_blob(repository=repository, digest=digest_to_read(digest), now=now)
    if caller.asks_to_push(repository.path):
        renew_lease(blob=blob, now=now)
    return blob


def mount_blob(
    *,
    repository: Repository,
    digest: Digest,
    source: str | None,
    caller: Caller,
    now: datetime,
) -> bool:
    """Take a blob over from a repository that the caller may read; tell whether there was one.

    Args:
        source: the name of a repository; anywhere without, nowhere if it is no name.
    """
    sources = readable_repositories(caller.confirmed(now=now))
    if caller.claims is not None:
        sources = sources.filter(path__in=caller.claims.paths("pull"))
    return blobs.mount_blob(
        repository=repository,
        digest=digest,
        sources=_named(sources, source),
        now=now,
        by=caller.actor,
    )


def digest_to_read(text: str) -> Digest:
    """A digest of an algorithm we do not compute names nothing that we hold: 404, not 400."""
    try:
        return Digest.parse(text)
    except AlgorithmUnsupported as error:
        raise BlobUnknown(error.reason, digest=text[:150]) from error


def _named(sources: RepositoryQuerySet, name: str | None) -> RepositoryQuerySet:
    if name is None:
        return sources
    try:
        return sources.filter(path=repository_path(name))
    except NameInvalid:
        return sources.none()
