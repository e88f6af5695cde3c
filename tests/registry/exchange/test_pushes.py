"""What follows from a push, and that nothing does from one that is refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.audit.services import Actor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import DigestInvalid, ManifestBlobUnknown
from artifacts.oci.media_types import OCI_MANIFEST
from artifacts.oci.names import Reference
from registry.charts.models import ChartVersion
from registry.exchange.pushes import push_manifest
from registry.manifests.drafts import Draft
from registry.manifests.models import Manifest
from registry.manifests.policy import BlockedByPolicy
from registry.repositories.models import Repository
from registry.statistics.counting import flush_counts, forget_counts
from registry.statistics.models import DailyTraffic
from registry.storage.select import blob_store
from registry.tags.models import Tag
from tests.registry.builders import (
    NOW,
    bearer,
    descriptor,
    hold,
    image,
    make_organization,
    owner_of,
)
from tests.registry.charts.builders import chart_archive, chart_config, chart_manifest

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    forget_counts()
    yield
    forget_counts()


def draft(repository: Repository, body: bytes, reference: str = "v1") -> Draft:
    return Draft(repository, Reference.parse(reference), body, ManifestDocument.parse(body, ""))


def pushes() -> int:
    flush_counts()
    return sum(DailyTraffic.objects.values_list("pushes", flat=True))


def test_a_push_is_stored_tagged_and_counted(repository: Repository) -> None:
    hold(repository, b"{}")

    pushed = push_manifest(draft(repository, image(b"{}")), now=NOW, by=Actor("acme+ci"))

    assert Tag.objects.get().manifest_id == pushed.manifest.id
    assert pushes() == 1


def test_a_chart_is_read_as_it_is_pushed(repository: Repository) -> None:
    content, config = chart_archive("etherpad", "0.0.4"), chart_config()
    hold(repository, content, config)

    push_manifest(draft(repository, chart_manifest(content, config), "0.0.4"), now=NOW)

    assert ChartVersion.objects.get().version == "0.0.4"


def test_what_a_push_has_read_is_not_read_again(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, config = chart_archive("etherpad", "0.0.4"), chart_config()
    hold(repository, content, config)
    chart = draft(repository, chart_manifest(content, config), "0.0.4")
    read: list[object] = []
    monkeypatch.setattr(ManifestDocument, "parse", lambda *args: read.append(args))

    push_manifest(chart, now=NOW)

    assert ChartVersion.objects.get().version == "0.0.4"
    assert not read


def test_a_push_whose_blobs_are_not_here_is_not_counted(repository: Repository) -> None:
    with pytest.raises(ManifestBlobUnknown):
        push_manifest(draft(repository, image(b"{}")), now=NOW)

    assert not Manifest.objects.exists()
    assert pushes() == 0


def test_a_push_by_a_digest_that_it_does_not_have_is_not_counted(repository: Repository) -> None:
    hold(repository, b"{}")

    with pytest.raises(DigestInvalid):
        push_manifest(draft(repository, image(b"{}"), str(Digest.of(b"other"))), now=NOW)

    assert not Manifest.objects.exists()
    assert pushes() == 0


def test_a_push_that_a_policy_blocks_never_reads_the_store(
    repository: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALLOWED_OCI_ARTIFACT_TYPES = {}
    hold(repository, b"{}", b"layer")
    body = image(b"{}", layers=[descriptor(b"layer", "application/x")])
    read: list[object] = []
    monkeypatch.setattr(type(blob_store()), "read", lambda *args: read.append(args))

    with pytest.raises(BlockedByPolicy):
        push_manifest(draft(repository, body), now=NOW)

    assert not read
    assert pushes() == 0


@pytest.mark.parametrize("body", [b"{", b"[]", json.dumps({"schemaVersion": 3}).encode()])
def test_a_first_push_that_is_no_manifest_makes_no_repository(body: bytes) -> None:
    make_organization("acme")
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/new:pull,push"))

    response = client.generic("PUT", "/v2/acme/new/manifests/v1", body, OCI_MANIFEST)

    assert response.status_code == 400
    assert not Repository.objects.exists()


def test_a_push_through_a_door_is_one(repository: Repository) -> None:
    hold(repository, b"{}", now=datetime.now(UTC) - timedelta(minutes=1))
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,push"))

    client.generic("PUT", "/v2/acme/web/manifests/v1", image(b"{}"), OCI_MANIFEST)

    assert pushes() == 1
