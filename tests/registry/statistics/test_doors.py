"""Pulls by the doors beside the OCI protocol."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from registry.charts.index import forget_indexes
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.statistics.counting import flush_counts, forget_counts
from registry.statistics.reads import pulls_by_day, pulls_of_references
from tests.registry.api.docker_v1.client import Headers, V1Client
from tests.registry.builders import PASSWORD, hold, image, make_repository, push
from tests.registry.charts.builders import push_chart

pytestmark = pytest.mark.django_db

CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "history": [{"created_by": "COPY a"}]}
).encode()


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    forget_counts()
    forget_indexes()
    yield
    forget_counts()
    forget_indexes()


def pulls(repository: Repository) -> int:
    flush_counts()
    # Around midnight the requests may fall on two days.
    later = datetime.now(UTC) + timedelta(minutes=1)
    return pulls_by_day([repository], days=3, now=later)[repository.id].total


def test_a_chart_from_the_classic_repository_is_one_pull_with_or_without_its_proof() -> None:
    etherpad = make_repository("acme/etherpad", is_public=True)
    push_chart(etherpad, provenance=b"-----BEGIN PGP SIGNED MESSAGE-----\n")
    address = "/helm/acme/charts/etherpad/etherpad-0.0.4.tgz"

    for path in (address, f"{address}.prov"):
        assert Client().get(path).status_code == 200
    assert Client().head(address).status_code == 200

    assert pulls(etherpad) == 1
    digest = Manifest.objects.get().digest
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert pulls_of_references(etherpad, [digest], days=3, now=later)[digest].total == 1


def test_an_image_pulled_by_dockers_first_api_is_one_pull() -> None:
    web = make_repository("acme/web")
    hold(web, CONFIG, b"a layer")
    push(web, image(CONFIG, b"a layer"), "v1")
    pair = base64.b64encode(f"acme-owner:{PASSWORD}".encode()).decode()

    V1Client(_send, f"Basic {pair}").pull("acme/web", "v1")

    assert pulls(web) == 1


def _send(method: str, path: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
    answer = Client().generic(method, path, body, headers=dict(headers))
    return answer.status_code, answer.headers, answer.getvalue()
