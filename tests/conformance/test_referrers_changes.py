"""Referrers after deletes, and the fallback tag of section "Referrers Tag Schema"."""

from tests.conformance.content import OCI_INDEX, index, unknown_digest
from tests.conformance.repository import Repository
from tests.conformance.test_referrers import SBOM, attach, digests


def fallback_tag(digest: str) -> str:
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm}-{encoded[:64]}"


def test_a_deleted_referrer_is_listed_no_more(repository: Repository) -> None:
    subject = repository.push_image()
    kept = attach(repository, subject.descriptor(), annotations={"a": "kept"})
    gone = attach(repository, subject.descriptor(), annotations={"a": "gone"})

    assert repository.client.delete(repository.manifest(gone.digest)).status == 202

    assert digests(repository.referrers(subject.digest)) == [kept.digest]


def test_a_deleted_referrer_may_come_back(repository: Repository) -> None:
    subject = repository.push_image()
    referrer = attach(repository, subject.descriptor())
    repository.client.delete(repository.manifest(referrer.digest))

    repository.push_manifest(referrer.body)

    assert digests(repository.referrers(subject.digest)) == [referrer.digest]


def test_referrers_outlive_their_subject(repository: Repository) -> None:
    subject = repository.push_image("v1")
    referrer = attach(repository, subject.descriptor())

    assert repository.client.delete(repository.manifest(subject.digest)).status == 202

    assert digests(repository.referrers(subject.digest)) == [referrer.digest]


def test_a_referrer_outlives_its_tag(repository: Repository) -> None:
    subject = repository.push_image()
    referrer = repository.push_image("signature", subject=subject.descriptor())

    assert repository.client.delete(repository.manifest("signature")).status == 202

    assert digests(repository.referrers(subject.digest)) == [referrer.digest]


def test_an_entry_kept_under_the_fallback_tag_is_listed(repository: Repository) -> None:
    """Section "Enabling the Referrers API"."""
    subject = repository.push_image()
    referrer = attach(repository, subject.descriptor(), artifactType=SBOM)
    listed = index([referrer.descriptor(artifactType=SBOM)])
    repository.push_manifest(listed, fallback_tag(subject.digest), OCI_INDEX)

    assert digests(repository.referrers(subject.digest)) == [referrer.digest]
    assert digests(repository.referrers(subject.digest, f"?artifactType={SBOM}")) == [
        referrer.digest
    ]


def test_a_fallback_tag_of_a_subject_that_is_not_here_is_read_too(repository: Repository) -> None:
    digest = unknown_digest()
    referrer = attach(repository, {"mediaType": OCI_INDEX, "digest": digest, "size": 2})
    listed = index([referrer.descriptor()])
    repository.push_manifest(listed, fallback_tag(digest), OCI_INDEX)

    assert digests(repository.referrers(digest)) == [referrer.digest]


def test_the_fallback_tag_stays_an_ordinary_tag(repository: Repository) -> None:
    """oras and cosign write it at any time, and read back what they wrote."""
    subject = repository.push_image()
    tag = fallback_tag(subject.digest)
    pushed = repository.push_manifest(index([]), tag, OCI_INDEX)

    assert repository.client.get(repository.manifest(tag)).body == pushed.body
    assert repository.client.delete(repository.manifest(tag)).status == 202
    assert repository.referrers(subject.digest) == []


def test_a_fallback_tag_that_is_no_index_is_not_read_as_one(repository: Repository) -> None:
    """``cosign copy`` makes such a tag that points at the image itself."""
    subject = repository.push_image()
    referrer = attach(repository, subject.descriptor())
    repository.push_manifest(subject.body, fallback_tag(subject.digest))

    assert digests(repository.referrers(subject.digest)) == [referrer.digest]


def test_an_entry_of_the_fallback_tag_that_is_not_here_is_not_listed(
    repository: Repository,
) -> None:
    """Nobody could pull it."""
    subject = repository.push_image()
    away = {"mediaType": OCI_INDEX, "digest": unknown_digest(), "size": 100}
    repository.push_manifest(index([away]), fallback_tag(subject.digest), OCI_INDEX)

    assert repository.referrers(subject.digest) == []


def test_a_deleted_entry_of_the_fallback_tag_is_listed_no_more(repository: Repository) -> None:
    subject = repository.push_image()
    referrer = attach(repository, subject.descriptor())
    listed = index([referrer.descriptor()])
    repository.push_manifest(listed, fallback_tag(subject.digest), OCI_INDEX)

    repository.client.delete(repository.manifest(referrer.digest))

    assert repository.referrers(subject.digest) == []
