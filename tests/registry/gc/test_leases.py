"""Who may push and asks for something by digest keeps it; a reader does not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from artifacts.oci.digest import Digest
from registry.blobs.models import BlobLink
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import bearer, hold, image, owner_of, push

pytestmark = pytest.mark.django_db

DIGEST = Digest.of(image(b"{}"))
PATHS = {
    "manifest": f"/v2/acme/web/manifests/{DIGEST}",
    "blob": f"/v2/acme/web/blobs/{Digest.of(b'{}')}",
}


@pytest.fixture
def pushed_at(repository: Repository) -> datetime:
    """An image of which half of the grace is over."""
    moment = datetime.now(UTC) - timedelta(minutes=31)
    hold(repository, b"{}", now=moment)
    push(repository, image(b"{}"), str(DIGEST), now=moment)
    return moment


def leases(kind: str) -> list[datetime]:
    rows = Manifest.objects.all() if kind == "manifest" else BlobLink.objects.all()
    return list(rows.values_list("last_pushed_at", flat=True))


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("kind", PATHS)
def test_a_pusher_who_asks_renews_the_lease_once(
    pushed_at: datetime, kind: str, method: str
) -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,push"))

    assert client.generic(method, PATHS[kind]).status_code == 200
    (renewed,) = leases(kind)
    assert renewed > pushed_at + timedelta(minutes=30)

    assert client.generic(method, PATHS[kind]).status_code == 200
    assert leases(kind) == [renewed]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("kind", PATHS)
def test_a_reader_who_asks_renews_nothing(pushed_at: datetime, kind: str, method: str) -> None:
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull"))

    assert client.generic(method, PATHS[kind]).status_code == 200

    assert leases(kind) == [pushed_at]
