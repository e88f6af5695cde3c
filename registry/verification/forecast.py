"""What would be refused: where a valid signature is required, and when a key is removed.

What ``admit_pull`` decides for one manifest, for many at a time, from the verdicts that are here:
nothing is checked anew, counted or written.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef

from artifacts.kinds.kinds import PROOFS
from artifacts.oci.companions import subject_of
from artifacts.signatures.verdicts import State
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification.listed import indexes_above
from registry.verification.models import PublicKey, Verdict
from registry.verification.pulls import signed_among

_MAX_EDGES = 2000


def refusals(*, repository: Repository, tags: Collection[Tag], now: datetime) -> Mapping[str, str]:
    """The names of those of ``tags`` whose pull would be refused, each with the reason.

    Signatures and what else speaks about another manifest are taken to pass.
    Reads the manifests: select ``manifest`` with the tags.
    """
    judged = {
        tag.name: tag.manifest.digest
        for tag in tags
        if not subject_of(tag.name) and tag.manifest.kind not in PROOFS
    }
    digests = set(judged.values())
    parents = indexes_above(repository, digests, edges=_MAX_EDGES)
    candidates = {digest: {digest, *parents.get(digest, ())} for digest in digests}
    signed = signed_among(repository, set().union(*candidates.values()), now=now)
    left = {name: digest for name, digest in judged.items() if not candidates[digest] & signed}
    reasons = _reasons(repository, set(left.values()))
    return {name: reasons.get(digest, "it is not signed") for name, digest in left.items()}


def losses(*, key: PublicKey, size: int) -> Sequence[Verdict]:
    """Valid signatures that no other key stands for: without ``key`` their subjects have none."""
    others = Verdict.objects.valid_signatures().filter(
        repository=OuterRef("repository"), subject_digest=OuterRef("subject_digest")
    )
    others = others.exclude(key=key)
    rows = Verdict.objects.filter(~Exists(others), key=key, is_signature=True)
    rows = rows.select_related("repository").order_by("repository", "subject_digest", "pk")
    return list(rows[:size])


def _reasons(repository: Repository, digests: Collection[str]) -> Mapping[str, str]:
    """What the signatures of each say that are not valid; an invalid one before others."""
    rows = Verdict.objects.filter(
        repository=repository.id,
        subject_digest__in=digests,
        is_signature=True,
        manifest__deleted_at=None,
    ).exclude(state=State.VALID)
    reasons: dict[str, str] = {}
    ordered = rows.order_by("subject_digest", "state", "pk")
    for digest, state, reason in ordered.values_list("subject_digest", "state", "reason"):
        reasons.setdefault(digest, f"its signature is {state}: {reason}")
    return reasons
