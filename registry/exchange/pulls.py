"""What happens when a manifest is pulled, or only asked for, whichever door that comes through."""

from dataclasses import dataclass
from datetime import datetime

from artifacts.oci.digest import Digest
from artifacts.oci.names import Reference
from registry.access.callers import Caller
from registry.access.rights import rights_in
from registry.manifests.reads import (
    ResolvedManifest,
    note_pull,
    renew_lease,
    resolve_manifest,
)
from registry.repositories.models import Repository
from registry.statistics.counting import count_pull
from registry.verification.pulls import Reader, admit_pull


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a reference stands for, and sentences about it for whoever asked."""

    manifest: ResolvedManifest
    warnings: tuple[str, ...] = ()


def pull_manifest(
    *,
    repository: Repository,
    reference: Reference,
    caller: Caller | None = None,
    with_body: bool = True,
    is_counted: bool = True,
    now: datetime,
) -> Pulled:
    """Hand a manifest out, and remember that.

    Args:
        caller: who may push reads what is not signed yet, and keeps what is asked for by
            digest. ``None`` from a door through which nobody pushes.
        is_counted: false for what only comes beside a pull.

    Raises:
        ManifestUnknown: there is none, with the reason.
        SignatureRequired: the repository hands out only what is signed.
    """
    manifest = resolve_manifest(
        repository=repository, reference=reference, with_body=with_body, now=now
    )
    admit_pull(
        repository=repository,
        digest=manifest.digest,
        reader=_reader(caller, repository, by_tag=reference.tag is not None, now=now),
        now=now,
    )
    note_pull(manifest=manifest, now=now)
    pulled = _answer(manifest, repository, reference, caller, now)
    if is_counted:  # last: what fails before is asked for again, and counts once
        count_pull(repository_id=repository.id, digest=manifest.digest, tag=reference.tag, now=now)
    return pulled


def ask_for_manifest(
    *,
    repository: Repository,
    reference: Reference,
    caller: Caller | None = None,
    now: datetime,
) -> Pulled:
    """What is told of a manifest without its body, which no signature is required for.

    Such an answer has no room for the reason of a refusal, and the pull that follows has.
    """
    manifest = resolve_manifest(
        repository=repository, reference=reference, with_body=False, now=now
    )
    return _answer(manifest, repository, reference, caller, now)


def admit_pull_in_parts(*, repository: Repository, digest: str, now: datetime) -> None:
    """Let a client have a part of a manifest, or raise ``SignatureRequired``."""
    admit_pull(repository=repository, digest=digest, now=now)


def note_pull_in_parts(*, repository: Repository, digest: str, now: datetime) -> None:
    """Remember the pull of a manifest whose parts a client asks for one by one."""
    reference = Reference(digest=Digest.parse(digest))
    manifest = resolve_manifest(
        repository=repository, reference=reference, with_body=False, now=now
    )
    note_pull(manifest=manifest, now=now)
    count_pull(repository_id=repository.id, digest=digest, now=now)


def _answer(
    manifest: ResolvedManifest,
    repository: Repository,
    reference: Reference,
    caller: Caller | None,
    now: datetime,
) -> Pulled:
    """Kept for a caller who may push: an index that lists it may follow."""
    if reference.digest and caller and caller.asks_to_push(repository.path):
        renew_lease(manifest=manifest, now=now)
    if manifest.superseded is None:
        return Pulled(manifest)
    return Pulled(
        manifest,
        (
            f"the tag {manifest.superseded.tag} has moved on from {manifest.digest}, which can"
            f" be pulled until {manifest.superseded.until:%Y-%m-%d %H:%M:%S} UTC",
        ),
    )


def _reader(
    caller: Caller | None, repository: Repository, *, by_tag: bool, now: datetime
) -> Reader | None:
    if caller is None:
        return None

    def may_push() -> bool:
        principal = caller.confirmed(now=now)
        return "push" in rights_in(principal=principal, path=repository.path, repository=repository)

    return Reader(name=caller.principal.name, by_tag=by_tag, may_push=may_push)
