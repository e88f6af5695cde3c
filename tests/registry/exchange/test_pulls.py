"""What follows from a pull, and what does not from a question."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from artifacts.oci.names import Reference
from registry.access.callers import Caller
from registry.exchange.pulls import ask_for_manifest, note_pull_in_parts, pull_manifest
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, SignatureRequirement
from registry.repositories.services import require_signatures
from registry.statistics.counting import flush_counts, forget_counts
from registry.statistics.models import DailyTraffic
from registry.tags.services import delete_tag
from registry.verification.pulls import SignatureRequired
from tests.registry.builders import NOW, hold, image, make_user, owner_of, principal_of, push

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=45)  # more than half of a lease is over
BODY = image(b"{}")


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    forget_counts()
    yield
    forget_counts()


@pytest.fixture
def manifest(repository: Repository) -> Manifest:
    hold(repository, b"{}")
    return push(repository, BODY)


@pytest.fixture
def owner(repository: Repository) -> Caller:
    return Caller(owner_of("acme"))


def counted() -> dict[str, int]:
    flush_counts()
    return dict(DailyTraffic.objects.values_list("reference", "pulls"))


def test_a_pull_by_tag_counts_for_the_tag_and_its_manifest(
    repository: Repository, manifest: Manifest, owner: Caller
) -> None:
    pulled = pull_manifest(
        repository=repository, reference=Reference.parse("v1"), caller=owner, now=LATER
    )

    assert pulled.manifest.body == BODY
    assert counted() == {"": 1, "v1": 1, manifest.digest: 1}
    manifest.refresh_from_db()
    assert manifest.last_pulled_at == LATER


def test_a_question_has_no_body_and_counts_for_nothing(
    repository: Repository, manifest: Manifest, owner: Caller
) -> None:
    pulled = ask_for_manifest(
        repository=repository, reference=Reference.parse("v1"), caller=owner, now=LATER
    )

    assert (pulled.manifest.digest, pulled.manifest.body) == (manifest.digest, b"")
    assert counted() == {}
    manifest.refresh_from_db()
    assert manifest.last_pulled_at is None


def test_what_comes_beside_a_pull_is_noted_and_not_counted(
    repository: Repository, manifest: Manifest
) -> None:
    pull_manifest(
        repository=repository, reference=Reference.parse("v1"), is_counted=False, now=LATER
    )

    assert counted() == {}
    manifest.refresh_from_db()
    assert manifest.last_pulled_at == LATER


def test_a_pull_in_parts_counts_once_it_is_told(repository: Repository, manifest: Manifest) -> None:
    note_pull_in_parts(repository=repository, digest=manifest.digest, now=LATER)

    assert counted() == {"": 1, manifest.digest: 1}


@pytest.mark.parametrize("ask", [pull_manifest, ask_for_manifest])
def test_who_may_push_keeps_what_is_asked_for_by_digest(
    repository: Repository, manifest: Manifest, owner: Caller, ask: type
) -> None:
    by_digest = Reference.parse(manifest.digest)

    ask(repository=repository, reference=by_digest, now=LATER)
    manifest.refresh_from_db()
    assert manifest.last_pushed_at == NOW

    ask(repository=repository, reference=by_digest, caller=owner, now=LATER)
    manifest.refresh_from_db()
    assert manifest.last_pushed_at == LATER


def test_what_a_tag_left_behind_is_told_with_until_when(
    repository: Repository, manifest: Manifest
) -> None:
    push(repository, image(b"{}", annotations={"n": "2"}), now=LATER)

    pulled = pull_manifest(
        repository=repository, reference=Reference.parse(manifest.digest), now=LATER
    )

    (warning,) = pulled.warnings
    assert warning.startswith(f"the tag v1 has moved on from {manifest.digest}, which can")


def test_a_refused_pull_counts_for_nothing(repository: Repository, manifest: Manifest) -> None:
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=NOW)

    with pytest.raises(SignatureRequired):
        pull_manifest(repository=repository, reference=Reference.parse("v1"), now=LATER)

    assert counted() == {}
    manifest.refresh_from_db()
    assert manifest.last_pulled_at is None


def test_only_who_may_push_reads_what_may_be_signed_yet(
    repository: Repository, manifest: Manifest, owner: Caller
) -> None:
    """For a while after its push."""
    require_signatures(repository=repository, requirement=SignatureRequirement.REQUIRED, now=NOW)
    by_digest = Reference.parse(manifest.digest)
    soon = NOW + timedelta(seconds=5)

    pulled = pull_manifest(repository=repository, reference=by_digest, caller=owner, now=soon)
    assert pulled.manifest.body == BODY
    for other in (None, Caller(principal_of(make_user("stranger")))):
        with pytest.raises(SignatureRequired):
            pull_manifest(repository=repository, reference=by_digest, caller=other, now=soon)


def test_a_deleted_tag_is_told_by_its_name(repository: Repository, manifest: Manifest) -> None:
    delete_tag(repository=repository, name="v1", now=NOW)

    with pytest.raises(Exception, match="v1"):
        pull_manifest(repository=repository, reference=Reference.parse("v1"), now=LATER)
