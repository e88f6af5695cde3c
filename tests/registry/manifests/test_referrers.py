"""What refers to a manifest, page by page."""

from datetime import timedelta
from typing import Any

import pytest

from artifacts.oci.companions import referrers_tag
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_MANIFEST
from registry.manifests.models import LISTED_BYTES, Manifest
from registry.manifests.referrers import ReferrersPage, referrer_digests, referrers_page
from registry.repositories.models import Repository
from registry.tags.models import Tag
from tests.registry.builders import NOW, descriptor, hold, image, index, push

pytestmark = pytest.mark.django_db

SUBJECT = image(b"{}")
NOTE, SBOM = "application/x-note", "application/spdx+json"


@pytest.fixture
def repository(repository: Repository) -> Repository:
    hold(repository, b"{}")
    push(repository, SUBJECT, "v1")
    return repository


def attach(repository: Repository, artifact_type: str = NOTE, **annotations: str) -> Manifest:
    body = image(
        b"{}",
        artifactType=artifact_type,
        subject=descriptor(SUBJECT, OCI_MANIFEST),
        annotations=annotations,
    )
    return push(repository, body, str(Digest.of(body)))


def page(repository: Repository, **changed: Any) -> ReferrersPage:
    asked: dict[str, Any] = {"artifact_type": "", "after": "", "size": 10, "size_bytes": 10**6}
    return referrers_page(
        repository=repository, subject=Digest.of(SUBJECT), **asked | changed, now=NOW
    )


def digests(found: ReferrersPage) -> list[str]:
    return [str(one["digest"]) for one in found.descriptors]


def test_a_referrer_is_told_as_the_specification_says(repository: Repository) -> None:
    attached = attach(repository, SBOM, made="by hand")

    assert page(repository).descriptors == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": attached.digest,
            "size": attached.size,
            "artifactType": SBOM,
            "annotations": {"made": "by hand"},
        }
    ]


def test_annotations_that_lists_leave_out_are_told_too(repository: Repository) -> None:
    attached = attach(repository, long="x" * LISTED_BYTES)

    (told,) = page(repository).descriptors

    assert attached.size > LISTED_BYTES
    assert told["annotations"] == {"long": "x" * LISTED_BYTES}


def test_what_has_neither_type_nor_annotations_says_neither(repository: Repository) -> None:
    other = index(subject=descriptor(SUBJECT, OCI_MANIFEST))
    attached = push(repository, other, str(Digest.of(other)))

    (told,) = page(repository).descriptors

    assert told == {
        "mediaType": attached.media_type,
        "digest": attached.digest,
        "size": attached.size,
    }


def test_referrers_of_one_type_are_asked_for(repository: Repository) -> None:
    attach(repository, NOTE)
    sbom = attach(repository, SBOM)

    assert digests(page(repository, artifact_type=SBOM)) == [sbom.digest]
    assert digests(page(repository, artifact_type="text/plain")) == []


@pytest.mark.parametrize(("size", "has_more"), [(2, True), (3, False), (4, False)])
def test_a_page_holds_so_many_and_says_whether_there_are_more(
    repository: Repository, size: int, has_more: bool
) -> None:
    every = sorted(attach(repository, number=str(number)).digest for number in range(3))

    found = page(repository, size=size)

    assert (digests(found), found.has_more) == (every[:size], has_more)
    assert referrer_digests(
        repository=repository, subject=Digest.of(SUBJECT), size=size, now=NOW
    ) == (every[:size], has_more)


def test_a_page_goes_on_after_the_last_digest_of_the_one_before(repository: Repository) -> None:
    every = sorted(attach(repository, number=str(number)).digest for number in range(3))

    found = page(repository, after=every[0])

    assert (digests(found), found.has_more) == (every[1:], False)


@pytest.mark.parametrize(("room", "count"), [(2, 2), (1, 1), (0, 1)])
def test_a_page_holds_manifests_of_so_many_bytes_and_one_at_least(
    repository: Repository, room: int, count: int
) -> None:
    sizes = {attach(repository, number=str(number)).size for number in range(3)}
    (size,) = sizes

    exactly, below = (page(repository, size_bytes=room * size - less) for less in (0, 1))

    assert (len(exactly.descriptors), exactly.has_more) == (count, True)
    assert len(below.descriptors) == max(1, room - 1)


def test_what_a_client_kept_under_the_fallback_tag_is_listed(repository: Repository) -> None:
    """A client writes there what it attached before it saw the API."""
    other = image(b"{}", artifactType=NOTE)
    absent = image(b"{}", artifactType=SBOM)
    push(repository, other, str(Digest.of(other)))
    push(repository, index(other, absent), referrers_tag(Digest.of(SUBJECT)))
    attached = attach(repository)

    every = sorted([str(Digest.of(other)), attached.digest])

    assert digests(page(repository)) == every
    assert referrer_digests(repository=repository, subject=Digest.of(SUBJECT), size=9, now=NOW) == (
        every,
        False,
    )


def test_a_fallback_tag_that_has_expired_lists_nothing(repository: Repository) -> None:
    other = image(b"{}", artifactType=NOTE)
    push(repository, other, "kept")
    listed = push(repository, index(other), referrers_tag(Digest.of(SUBJECT)))
    Tag.objects.filter(manifest=listed).update(expires_at=NOW - timedelta(seconds=1))

    assert digests(page(repository)) == []
