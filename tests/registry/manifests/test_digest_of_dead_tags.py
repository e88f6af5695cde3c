"""Pulls by digest of what only tags of the past lead to."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from artifacts.oci.companions import referrers_tag
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.media_types import OCI_INDEX
from artifacts.oci.names import Reference
from registry.manifests.reads import resolve_manifest
from registry.manifests.removal import delete_manifest
from registry.manifests.restoration import restore_tag
from registry.repositories.models import Repository
from registry.tags.services import delete_tag, set_expiry, sweep_expired
from tests.registry.builders import NOW, descriptor, hold, image, index, make_repository, push

pytestmark = pytest.mark.django_db

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
BODY = image(b"{}")
DIGEST = str(Digest.of(BODY))
LATER = NOW + 2 * HOUR


@pytest.fixture(autouse=True)
def tagged(repository: Repository) -> None:
    hold(repository, b"{}")
    push(repository, BODY, "v1")


def can_pull(repository: Repository, body: bytes = BODY, at: datetime = LATER) -> bool:
    reference = Reference(digest=Digest.of(body))
    found = []
    for with_body in (True, False):
        try:
            resolve_manifest(
                repository=repository, reference=reference, with_body=with_body, now=at
            )
        except ManifestUnknown:
            found.append(False)
        else:
            found.append(True)
    assert found[0] == found[1]
    return found[0]


def delete(repository: Repository, name: str = "v1") -> None:
    delete_tag(repository=repository, name=name, now=NOW + HOUR)


def test_the_digest_of_a_living_tag_is_pulled(repository: Repository) -> None:
    assert can_pull(repository)


@pytest.mark.parametrize("at", [LATER, NOW + 100 * WEEK])
def test_the_digest_of_a_deleted_tag_is_refused(repository: Repository, at: datetime) -> None:
    delete(repository)

    assert not can_pull(repository, at=at)


def test_the_digest_of_a_moved_tag_is_refused_when_that_is_switched_off(
    repository: Repository, settings: Settings
) -> None:
    settings.FEATURE_PULL_SUPERSEDED = False
    push(repository, index(), "v1", now=NOW + HOUR)

    assert not can_pull(repository)


def test_the_digest_of_an_expired_tag_is_refused_swept_or_not(repository: Repository) -> None:
    set_expiry(repository=repository, name="v1", expires_at=NOW + HOUR, now=NOW)

    assert can_pull(repository, at=NOW + HOUR - timedelta(seconds=1))
    assert not can_pull(repository, at=NOW + HOUR)
    sweep_expired(now=LATER, limit=10)
    assert not can_pull(repository)


def test_the_refusal_tells_which_tag_ended_and_until_when_it_comes_back(
    repository: Repository,
) -> None:
    delete(repository)

    with pytest.raises(ManifestUnknown) as caught:
        resolve_manifest(
            repository=repository,
            reference=Reference.parse(DIGEST),
            with_body=False,
            now=LATER,
        )

    assert caught.value.reason == (
        f"no tag of acme/web leads to {DIGEST} any more: the tag v1 was deleted on"
        " 2026-03-01 13:00:00 UTC and can be restored until 2026-03-15 13:00:00 UTC"
    )


def test_the_refusal_of_a_deleted_manifest_says_so(repository: Repository) -> None:
    body = index()
    push(repository, body, str(Digest.of(body)))
    delete_manifest(repository=repository, digest=Digest.of(body), now=NOW + HOUR)

    with pytest.raises(ManifestUnknown, match="it was deleted"):
        resolve_manifest(
            repository=repository,
            reference=Reference(digest=Digest.of(body)),
            with_body=True,
            now=LATER,
        )


def test_another_living_tag_keeps_the_digest(repository: Repository) -> None:
    push(repository, BODY, "v2")
    delete(repository)

    assert can_pull(repository)


def test_what_was_never_tagged_is_pulled(repository: Repository) -> None:
    body = image(b"{}", annotations={"never": "tagged"})
    push(repository, body, str(Digest.of(body)))

    assert can_pull(repository, body, at=NOW + 100 * WEEK)


def test_what_was_pushed_again_after_its_tag_ended_is_pulled(repository: Repository) -> None:
    delete(repository)

    push(repository, BODY, DIGEST, now=NOW + HOUR + timedelta(seconds=1))

    assert can_pull(repository)


def test_what_was_pushed_again_before_its_tag_ended_is_refused(repository: Repository) -> None:
    push(repository, BODY, DIGEST, now=NOW + HOUR / 2)
    delete(repository)

    assert not can_pull(repository)


def test_a_restored_tag_brings_the_digest_back(repository: Repository) -> None:
    delete(repository)
    restore_tag(repository=repository, name="v1", digest=DIGEST, now=NOW + HOUR * 1.5)

    assert can_pull(repository)


def test_an_index_with_a_living_tag_leads_to_its_images(repository: Repository) -> None:
    push(repository, index(BODY), "all")
    delete(repository)

    assert can_pull(repository)
    delete(repository, "all")
    assert not can_pull(repository)


def test_an_index_of_an_index_leads_to_its_images(repository: Repository) -> None:
    inner = index(BODY)
    push(repository, inner, "inner")
    push(repository, index(manifests=[descriptor(inner, OCI_INDEX)]), "outer")
    delete(repository)
    delete(repository, "inner")

    assert can_pull(repository)
    delete(repository, "outer")
    assert not can_pull(repository)


def test_an_index_that_was_never_tagged_leads_to_its_images(repository: Repository) -> None:
    listed = index(BODY)
    push(repository, listed, str(Digest.of(listed)))
    delete(repository)

    assert can_pull(repository)


def test_a_deleted_index_leads_nowhere(repository: Repository) -> None:
    listed = index(BODY)
    push(repository, listed, str(Digest.of(listed)))
    delete(repository)

    delete_manifest(repository=repository, digest=Digest.of(listed), now=NOW + HOUR)

    assert not can_pull(repository)


def test_a_subject_that_can_be_pulled_leads_to_its_referrers(repository: Repository) -> None:
    signature = image(b"{}", subject=descriptor(BODY), annotations={"signature": "yes"})
    push(repository, signature, "signature")
    delete(repository, "signature")

    assert can_pull(repository, signature)
    delete(repository)
    assert not can_pull(repository, signature)


def test_a_referrer_does_not_lead_to_its_subject(repository: Repository) -> None:
    push(repository, image(b"{}", subject=descriptor(BODY)), "signature")
    delete(repository)

    assert not can_pull(repository)


def test_an_image_of_an_index_leads_to_the_referrers_of_the_image(repository: Repository) -> None:
    signature = image(b"{}", subject=descriptor(BODY), annotations={"signature": "yes"})
    push(repository, signature, "signature")
    push(repository, index(BODY), "all")
    delete(repository, "signature")
    delete(repository)

    assert can_pull(repository, signature)


def test_the_fallback_tag_leads_to_what_it_lists(repository: Repository) -> None:
    subject = image(b"{}", annotations={"subject": "yes"})
    push(repository, subject, "subject")
    push(repository, index(BODY), referrers_tag(Digest.of(subject)))
    delete(repository)

    assert can_pull(repository)


def test_a_manifest_whose_subject_never_came_is_refused_with_its_tag(
    repository: Repository,
) -> None:
    body = image(b"{}", subject=descriptor(b"away"))
    push(repository, body, "signature")
    delete(repository, "signature")

    assert not can_pull(repository, body)


def test_what_another_repository_tags_counts_for_nothing(repository: Repository) -> None:
    other = make_repository("acme/other")
    hold(other, b"{}")
    push(other, BODY, "v1")
    push(other, index(BODY), "all")
    delete(repository)

    assert not can_pull(repository)
    assert can_pull(other)


def test_many_indexes_are_walked_in_few_statements(repository: Repository) -> None:
    for n in range(30):
        push(repository, index(BODY, annotations={"n": str(n)}), f"i{n}")
        delete(repository, f"i{n}")
    delete(repository)

    with CaptureQueriesContext(connection) as captured:
        assert not can_pull(repository)
    assert len(captured) <= 18
