"""Which tags would be refused: the same that ``admit_pull`` refuses, in few queries."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.repositories.models import Repository, SignatureRequirement
from registry.repositories.services import require_signatures
from registry.tags.models import Tag
from registry.tags.services import delete_tag
from registry.verification.forecast import losses, refusals
from registry.verification.models import UnsignedPulls
from registry.verification.pulls import SignatureRequired, admit_pull
from registry.verification.services import remove_key
from tests.artifacts.signatures.signing import Signer
from tests.registry.builders import NOW, hold, image, index, push
from tests.registry.verification.signed import (
    EMPTY,
    as_signature,
    attach_by_subject,
    attach_by_tag,
    push_image,
    trust,
)

pytestmark = pytest.mark.django_db

ALICE, BOB, MALLORY = Signer(), Signer(), Signer()


def foreseen(repository: Repository) -> dict[str, str]:
    tags = Tag.objects.alive(at=NOW).filter(repository=repository).select_related("manifest")
    return dict(refusals(repository=repository, tags=list(tags), now=NOW))


def refused(repository: Repository) -> set[str]:
    """The ordinary tags whose pull is refused."""
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=NOW)
    names = set()
    tags = Tag.objects.alive(at=NOW).filter(repository=repository).select_related("manifest")
    for tag in tags.exclude(name__startswith="sha256-"):
        try:
            admit_pull(repository=repository, digest=tag.manifest.digest, now=NOW)
        except SignatureRequired:
            names.add(tag.name)
    return names


def signed_by_tag(repository: Repository) -> None:
    digest = push_image(repository).digest
    attach_by_tag(repository, digest, ALICE.simple(digest))


def signed_by_subject(repository: Repository) -> None:
    digest = push_image(repository).digest
    attach_by_subject(repository, digest, ALICE.bundle(digest), **as_signature())


def not_signed(repository: Repository) -> None:
    push_image(repository)


def signed_by_a_stranger(repository: Repository) -> None:
    digest = push_image(repository).digest
    attach_by_tag(repository, digest, MALLORY.simple(digest))


def signature_deleted(repository: Repository) -> None:
    digest = push_image(repository).digest
    attach_by_tag(repository, digest, ALICE.simple(digest))
    delete_tag(repository=repository, name=f"{digest.replace(':', '-')}.sig", now=NOW)


def key_removed(repository: Repository) -> None:
    digest = push_image(repository).digest
    attach_by_tag(repository, digest, ALICE.simple(digest))
    remove_key(key=repository.namespace.public_keys.get(), now=NOW)


def in_a_signed_index(repository: Repository) -> None:
    hold(repository, EMPTY)
    child = image(EMPTY, annotations={"n": "child"})
    push(repository, child, "child")
    nearer = index(child)
    push(repository, nearer, "nearer")
    outer = push(repository, index(nearer), "outer")
    attach_by_tag(repository, outer.digest, ALICE.simple(outer.digest))


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (signed_by_tag, set()),
        (signed_by_subject, set()),
        (not_signed, {"v1"}),
        (signed_by_a_stranger, {"v1"}),
        (signature_deleted, {"v1"}),
        (key_removed, {"v1"}),
        (in_a_signed_index, set()),
    ],
)
def test_it_says_what_a_pull_would_be_told(
    repository: Repository, prepare: Callable[[Repository], None], expected: set[str]
) -> None:
    trust(repository, ALICE)
    prepare(repository)

    assert set(foreseen(repository)) == expected
    assert refused(repository) == expected


def test_the_reason_is_said_and_nothing_is_counted(repository: Repository) -> None:
    trust(repository, ALICE)
    push_image(repository, "plain", name="plain")
    digest = push_image(repository, "forged", name="forged").digest
    attach_by_tag(repository, digest, MALLORY.simple(digest))

    reasons = foreseen(repository)

    assert reasons["plain"] == "it is not signed"
    assert reasons["forged"].startswith("its signature is ")
    assert not UnsignedPulls.objects.exists()


def test_many_tags_take_as_many_queries_as_one(repository: Repository) -> None:
    trust(repository, ALICE)
    digest = push_image(repository).digest
    attach_by_tag(repository, digest, ALICE.simple(digest))
    push_image(repository, "other", name="other")
    few = _queries(repository)

    for number in range(10):
        one = push_image(repository, f"s{number}", name=f"s{number}").digest
        attach_by_tag(repository, one, ALICE.simple(one))
        push_image(repository, f"u{number}", name=f"u{number}")

    assert _queries(repository) == few


def test_losses_are_what_only_this_key_has_signed(repository: Repository) -> None:
    key = trust(repository, ALICE)
    trust(repository, BOB, "other")
    alone = push_image(repository, "alone", name="alone").digest
    attach_by_tag(repository, alone, ALICE.simple(alone))
    both = push_image(repository, "both", name="both").digest
    attach_by_tag(repository, both, ALICE.simple(both), BOB.simple(both))

    lost = losses(key=key, size=10)

    assert [one.subject_digest for one in lost] == [alone]
    assert losses(key=key, size=0) == []


def _queries(repository: Repository) -> int:
    with CaptureQueriesContext(connection) as captured:
        foreseen(repository)
    return len(captured)
