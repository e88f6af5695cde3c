"""The classic Helm repository over HTTP: what is listed, what is handed out, and to whom."""

import base64
import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from artifacts.oci.digest import Digest
from registry.charts import index as index_module
from registry.charts.cache import Bodies
from registry.charts.index import ChartIndex, forget_indexes
from registry.charts.services import read_chart
from registry.inspection.tasks import inspect
from registry.manifests.models import Manifest
from registry.manifests.removal import delete_manifest
from registry.repositories.models import Repository, Role, SignatureRequirement
from registry.repositories.services import grant, require_signatures
from registry.tags.models import Tag
from registry.tags.services import delete_tag
from tests.registry.builders import (
    PASSWORD,
    bearer,
    hold,
    make_organization,
    make_repository,
    make_user,
    owner_of,
    push,
)
from tests.registry.charts.builders import (
    chart_archive,
    chart_config,
    chart_manifest,
    push_chart,
)

pytestmark = pytest.mark.django_db

INDEX = "/helm/acme/index.yaml"
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _no_index_is_remembered() -> Iterator[None]:
    forget_indexes()
    yield
    forget_indexes()


@pytest.fixture
def etherpad() -> Repository:
    return make_repository("acme/etherpad", is_public=True)


def basic(name: str) -> dict[str, str]:
    pair = base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def index(headers: dict[str, str] | None = None) -> dict[str, Any]:
    response = Client().get(INDEX, headers=headers or {})
    assert response.status_code == 200, response.getvalue()
    document: dict[str, Any] = json.loads(response.getvalue())
    return document


def versions(name: str = "etherpad", headers: dict[str, str] | None = None) -> list[str]:
    return [entry["version"] for entry in index(headers)["entries"].get(name, [])]


def expire(repository: Repository, tag: str) -> None:
    """Let a tag's time be over, swept or not."""
    moment = NOW - timedelta(seconds=1)
    assert Tag.objects.filter(repository=repository, name=tag).update(expires_at=moment)


def test_the_index_lists_a_chart_with_its_digest_date_and_address(etherpad: Repository) -> None:
    push_chart(etherpad, more="appVersion: 1.8\nkeywords: [pad]\ndescription: Write together\n")
    archive = chart_archive(more="appVersion: 1.8\nkeywords: [pad]\ndescription: Write together\n")

    (entry,) = index()["entries"]["etherpad"]

    assert entry == {
        "apiVersion": "v2",
        "name": "etherpad",
        "version": "0.0.4",
        "appVersion": "1.8",
        "description": "Write together",
        "keywords": ["pad"],
        "created": "2026-03-01T12:00:00+00:00",
        "digest": hashlib.sha256(archive).hexdigest(),
        "urls": ["charts/etherpad/etherpad-0.0.4.tgz"],
    }


def test_the_index_is_yaml_too(etherpad: Repository) -> None:
    push_chart(
        etherpad,
        more='annotations: {of: "tab\\t, quote \\", \\u007f \\u2028 \\ufeff \\U0001F600"}\n',
    )

    read = yaml.safe_load(Client().get(INDEX).getvalue().decode())

    (entry,) = read["entries"]["etherpad"]
    assert entry["annotations"]["of"] == 'tab\t, quote ", \x7f \u2028 \ufeff \U0001f600'
    assert read["apiVersion"] == "v1"


def test_versions_are_listed_newest_first(etherpad: Repository) -> None:
    for version in ("0.0.4", "1.0.0-rc.2", "0.0.10", "1.0.0", "1.0.0-rc.10"):
        push_chart(etherpad, version=version)

    assert versions() == ["1.0.0", "1.0.0-rc.10", "1.0.0-rc.2", "0.0.10", "0.0.4"]


def test_versions_are_listed_as_helm_reads_and_orders_them(etherpad: Repository) -> None:
    for version in ("2024.1.9", "2024.01.15", "1.2.3-01", "v2.0", "18446744073709551616.0.0"):
        push_chart(etherpad, version=version)

    assert versions() == ["2024.01.15", "2024.1.9", "v2.0"]


def test_an_index_longer_than_a_batch_is_whole(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.charts.index.BATCH_ROWS", 2)
    wiki = make_repository("acme/wiki", is_public=True)
    for number in range(5):
        push_chart(etherpad, version=f"1.{number}.0")
        push_chart(wiki, "wiki", f"1.{number}.0")
        push_chart(wiki, "wiki", f"1.{number}.0+build.{number}")

    assert versions() == [f"1.{number}.0" for number in (4, 3, 2, 1, 0)]
    assert sorted(versions("wiki")) == sorted(
        f"1.{number}.0{build}" for number in range(5) for build in ("", f"+build.{number}")
    )


def test_a_version_under_several_tags_is_listed_once(etherpad: Repository) -> None:
    for tag in ("0.0.4", "latest", "stable"):
        push_chart(etherpad, tag=tag)

    assert versions() == ["0.0.4"]


def test_of_two_charts_with_one_version_the_one_under_its_own_tag_counts(
    etherpad: Repository,
) -> None:
    push_chart(etherpad, more="description: released\n")
    push_chart(etherpad, tag="test", more="description: only tried\n")

    (entry,) = index()["entries"]["etherpad"]
    archive = Client().get(f"/helm/acme/{entry['urls'][0]}").getvalue()

    assert entry["description"] == "released"
    assert hashlib.sha256(archive).hexdigest() == entry["digest"]


def test_of_two_repositories_with_one_chart_the_one_of_its_name_counts(
    etherpad: Repository,
) -> None:
    push_chart(etherpad, more="description: the true one\n")
    other = make_repository("acme/aaa", is_public=True)
    push_chart(other, more="description: a copy\n")
    push_chart(other, version="9.0.0")

    listed = index()["entries"]["etherpad"]

    assert [(entry["version"], entry["urls"][0]) for entry in listed] == [
        ("9.0.0", "charts/aaa/etherpad-9.0.0.tgz"),
        ("0.0.4", "charts/etherpad/etherpad-0.0.4.tgz"),
    ]


def test_a_chart_in_a_nested_repository_is_found_where_the_index_says(db: None) -> None:
    nested = make_repository("acme/tools/pads/etherpad", is_public=True)
    push_chart(nested, version="1.0.0+b.1")

    (entry,) = index()["entries"]["etherpad"]

    assert entry["urls"] == ["charts/tools/pads/etherpad/etherpad-1.0.0+b.1.tgz"]
    assert Client().get(f"/helm/acme/{entry['urls'][0]}").getvalue() == chart_archive(
        version="1.0.0+b.1"
    )


def test_a_deleted_an_expired_and_an_untagged_chart_are_not_listed(etherpad: Repository) -> None:
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        push_chart(etherpad, version=version)
    expire(etherpad, "2.0.0")
    delete_tag(repository=etherpad, name="3.0.0", now=NOW)

    assert versions() == ["1.0.0"]
    for version in ("2.0.0", "3.0.0"):
        response = Client().get(f"/helm/acme/charts/etherpad/etherpad-{version}.tgz")
        assert response.status_code == 404


def test_a_chart_whose_manifest_is_hidden_is_not_listed(etherpad: Repository) -> None:
    manifest = push_chart(etherpad)
    Manifest.objects.filter(pk=manifest.pk).update(deleted_at=NOW)

    assert versions() == []


def test_what_is_no_readable_chart_does_not_spoil_the_index(etherpad: Repository) -> None:
    push_chart(etherpad)
    hold(etherpad, b"no archive", b"{}")
    push(etherpad, chart_manifest(b"no archive", b"{}"), "broken")

    assert list(index()["entries"]) == ["etherpad"]


def test_a_chart_and_its_provenance_are_downloaded(etherpad: Repository) -> None:
    push_chart(etherpad, provenance=b"-----BEGIN PGP SIGNED MESSAGE-----\n")
    address = "/helm/acme/charts/etherpad/etherpad-0.0.4.tgz"

    archive, provenance = Client().get(address), Client().get(f"{address}.prov")

    assert archive.getvalue() == chart_archive()
    assert archive.headers["Content-Type"] == "application/gzip"
    assert archive.headers["Content-Length"] == str(len(chart_archive()))
    assert provenance.getvalue() == b"-----BEGIN PGP SIGNED MESSAGE-----\n"


def test_a_chart_without_provenance_answers_404_for_it(etherpad: Repository) -> None:
    push_chart(etherpad)

    response = Client().get("/helm/acme/charts/etherpad/etherpad-0.0.4.tgz.prov")

    assert response.status_code == 404
    assert response.content == b"acme/etherpad has no etherpad-0.0.4.tgz.prov\n"


def test_head_answers_as_get_without_content(etherpad: Repository) -> None:
    push_chart(etherpad)
    for path in (INDEX, "/helm/acme/charts/etherpad/etherpad-0.0.4.tgz"):
        got, headed = Client().get(path), Client().head(path)
        assert headed.status_code == 200
        assert headed.content == b""
        assert headed.headers == got.headers


def test_the_index_comes_compressed_to_who_takes_that(etherpad: Repository) -> None:
    push_chart(etherpad)

    plain = Client().get(INDEX).getvalue()
    packed = Client().get(INDEX, headers={"Accept-Encoding": "br, gzip"})
    refused = Client().get(INDEX, headers={"Accept-Encoding": "gzip;q=0"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.getvalue()) == plain
    assert refused.getvalue() == plain


def test_an_index_that_has_not_changed_answers_304(etherpad: Repository) -> None:
    push_chart(etherpad)
    tag = Client().get(INDEX).headers["ETag"]

    response = Client().get(INDEX, headers={"If-None-Match": tag})

    assert response.status_code == 304
    assert "Content-Type" not in response.headers
    assert response.headers["ETag"] == tag


def test_more_charts_than_an_index_may_list_are_refused_with_a_reason(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("registry.charts.index.MAX_CHARTS", 2)
    for version in ("1.0.0", "2.0.0"):
        push_chart(etherpad, version=version)
    assert versions() == ["2.0.0", "1.0.0"]
    push_chart(etherpad, version="3.0.0")

    response = Client().get(INDEX)

    assert response.status_code == 413
    assert response.content == (
        b"the charts of acme are too many for one index, which may have 2 charts; "
        b"pull them by oci://, or spread them over several organizations\n"
    )
    assert "the Helm index of acme would have more than 2 charts" in caplog.text


def test_only_charts_that_the_reader_sees_count(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.charts.index.MAX_CHARTS", 1)
    push_chart(etherpad)
    push_chart(make_repository("acme/secret"), "secret", "1.0.0")

    assert versions() == ["0.0.4"]
    assert Client().get(INDEX, headers=basic("acme-owner")).status_code == 413


def test_an_index_of_more_bytes_than_it_may_have_is_refused_and_made_once(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_chart(etherpad)
    size = len(Client().get(INDEX).getvalue())
    monkeypatch.setattr("registry.charts.index.MAX_BYTES", size + 100)
    push_chart(etherpad, version="1.0.0", more=f"description: {'x' * 100}\n")

    first = Client().get(INDEX)
    with monkeypatch.context() as patched:
        patched.setattr(ChartIndex, "_generate", None)
        second = Client().get(INDEX)

    assert first.status_code == second.status_code == 413
    assert first.content == second.content


def test_an_index_is_made_with_few_of_its_texts_in_memory(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty of 60 kB each: nine times what one batch of them has."""
    monkeypatch.setattr("registry.charts.index.TEXTS_AT_ONCE", 4)
    for number in range(40):
        push_chart(
            etherpad, version=f"1.{number}.0", more=f"description: {number:05d}{'x' * 59_000}\n"
        )
    versions()
    forget_indexes()

    tracemalloc.start()
    size = Client().get(INDEX, headers={"Accept-Encoding": "gzip"}).headers["Content-Length"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert int(size) > 0
    assert peak < 1_500_000


def test_who_waits_in_vain_for_an_index_is_told_when_to_come_back(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_chart(etherpad)
    busy = Bodies(max_bytes=1, max_count=1, makers=0, max_waiting=1, wait_seconds=0.01)
    monkeypatch.setattr("registry.charts.index._bodies", busy)

    response = Client().get(INDEX)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.content == b"the list is being made for others; try again shortly\n"


@pytest.mark.parametrize("change", ["push", "delete", "expire", "delete by digest"])
def test_every_change_is_seen_at_once(change: str, etherpad: Repository) -> None:
    push_chart(etherpad, version="1.0.0")
    push_chart(etherpad, version="2.0.0")
    before = Client().get(INDEX)
    second = Manifest.objects.get(repository=etherpad, tags__name="2.0.0")
    match change:
        case "push":
            push_chart(etherpad, version="3.0.0")
        case "delete":
            delete_tag(repository=etherpad, name="2.0.0", now=NOW)
        case "expire":
            expire(etherpad, "2.0.0")
        case "delete by digest":
            delete_manifest(repository=etherpad, digest=Digest.parse(second.digest), now=NOW)

    after = Client().get(INDEX, headers={"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    expected = ["3.0.0", "2.0.0", "1.0.0"] if change == "push" else ["1.0.0"]
    listed = json.loads(after.getvalue())["entries"]["etherpad"]
    assert [entry["version"] for entry in listed] == expected


def test_an_index_made_while_a_chart_went_is_not_taken_for_the_whole(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_chart(etherpad, version="1.0.0")
    second = push_chart(etherpad, version="2.0.0")
    generate = ChartIndex._generate

    def reread_first(self: ChartIndex, now: datetime) -> Any:
        read_chart(manifest=second, now=now)  # makes a new row
        return generate(self, now)

    with monkeypatch.context() as patched:
        patched.setattr(ChartIndex, "_generate", reread_first)
        assert versions() == ["1.0.0"]

    assert versions() == ["2.0.0", "1.0.0"]


def test_an_index_made_while_the_texts_of_a_chart_went_is_not_taken_for_the_whole(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_chart(etherpad, version="1.0.0")
    second = push_chart(etherpad, version="2.0.0")
    listed = index_module._listed

    def reread_after(rows: Any) -> Any:
        chosen = list(listed(rows))
        read_chart(manifest=second, now=NOW)  # makes a new row
        return iter(chosen)

    with monkeypatch.context() as patched:
        patched.setattr(index_module, "_listed", reread_after)
        assert versions() == ["1.0.0"]

    assert versions() == ["2.0.0", "1.0.0"]


def test_a_known_index_costs_few_statements(etherpad: Repository) -> None:
    for number in range(30):
        push_chart(etherpad, version=f"1.{number}.0")
    assert len(versions()) == 30

    with CaptureQueriesContext(connection) as captured:
        Client().get(INDEX)

    assert len(captured) == 3, [query["sql"] for query in captured]


def test_everybody_sees_what_they_may_read(etherpad: Repository) -> None:
    push_chart(etherpad)
    secret = make_repository("acme/secret")
    push_chart(secret, "secret", "1.0.0")
    make_user("stranger")
    reader = make_user("reader")
    grant(repository=secret, role=Role.READ, holder=reader, now=NOW)
    address = "/helm/acme/charts/secret/secret-1.0.0.tgz"

    seen = {
        name: sorted(index(headers)["entries"])
        for name, headers in {
            "nobody": {},
            "stranger": basic("stranger"),
            "reader": basic("reader"),
            "owner": basic("acme-owner"),
        }.items()
    }

    assert seen == {
        "nobody": ["etherpad"],
        "stranger": ["etherpad"],
        "reader": ["etherpad", "secret"],
        "owner": ["etherpad", "secret"],
    }
    assert Client().get(address).status_code == 401
    assert Client().get(address, headers=basic("stranger")).status_code == 404
    assert Client().get(address, headers=basic("reader")).status_code == 200


@pytest.mark.parametrize("path", ["index.yaml", "charts/etherpad/etherpad-0.0.4.tgz"])
def test_a_private_organization_looks_like_a_missing_one(path: str) -> None:
    push_chart(make_repository("acme/etherpad"))
    make_user("stranger")

    for headers in ({}, basic("stranger")):
        private = Client().get(f"/helm/acme/{path}", headers=headers)
        missing = Client().get(f"/helm/none/{path}", headers=headers)
        assert private.status_code == missing.status_code == (404 if headers else 401)
        assert private.content.replace(b"acme", b"none") == missing.content
        assert dict(private.headers) == dict(missing.headers)


def test_who_brings_no_credentials_is_asked_for_them(db: None) -> None:
    response = Client().get(INDEX)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="Berth", charset="UTF-8"'
    assert response.content == b"log in to read charts of acme\n"


def test_a_wrong_password_is_refused_even_for_what_is_public(etherpad: Repository) -> None:
    push_chart(etherpad)
    pair = base64.b64encode(b"acme-owner:wrong").decode()

    response = Client().get(INDEX, headers={"Authorization": f"Basic {pair}"})

    assert response.status_code == 401


def test_without_anonymous_access_everybody_must_log_in(
    etherpad: Repository, settings: Settings
) -> None:
    settings.FEATURE_ANONYMOUS_ACCESS = False
    push_chart(etherpad)
    make_user("stranger")

    assert Client().get(INDEX).status_code == 401
    assert versions(headers=basic("stranger")) == ["0.0.4"]


def test_a_registry_token_does_not_open_this_door(etherpad: Repository) -> None:
    push_chart(etherpad)
    token = bearer(owner_of("acme"), "repository:acme/etherpad:pull")

    response = Client().get(INDEX, headers=token)

    assert response.status_code == 401
    assert b"Basic" in response.content


def test_the_owner_of_an_organization_without_charts_finds_an_empty_index(db: None) -> None:
    make_organization("acme")

    assert index(basic("acme-owner"))["entries"] == {}


def test_an_organization_named_helm_has_charts_too(db: None) -> None:
    push_chart(make_repository("helm/etherpad", is_public=True))

    response = Client().get("/helm/helm/index.yaml")

    assert list(json.loads(response.getvalue())["entries"]) == ["etherpad"]
    assert Client().get("/helm/helm/charts/etherpad/etherpad-0.0.4.tgz").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/helm/",
        "/helm/etherpad/",
        "/helm/etherpad/index.yaml/",
        "/helm/acme",
        "/helm/acme/charts/etherpad/",
        "/helm/acme/charts/etherpad/etherpad",
    ],
)
def test_what_may_be_a_page_of_an_organization_named_helm_is_left_alone(
    path: str, db: None
) -> None:
    assert Client().get(path).headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    [
        "/helm/a%00b/index.yaml",
        "/helm/ACME/index.yaml",
        "/helm/acme/charts/%00/x-1.0.0.tgz",
        "/helm/acme/charts/../etherpad/etherpad-0.0.4.tgz",
        "/helm/acme/charts/etherpad//etherpad-0.0.4.tgz",
    ],
)
def test_what_can_be_no_name_is_not_found(path: str, etherpad: Repository) -> None:
    push_chart(etherpad)

    assert Client().get(path, headers=basic("acme-owner")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_written_through_this_door(method: str, db: None) -> None:
    response = Client().generic(method, INDEX)

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_a_chart_of_the_old_media_type_is_listed(etherpad: Repository) -> None:
    content, config = chart_archive(), chart_config()
    hold(etherpad, content, config)
    body = chart_manifest(content, config, content_type="application/tar+gzip")
    inspect(manifest=push(etherpad, body, "0.0.4"), now=NOW)

    assert versions() == ["0.0.4"]


def test_to_download_a_chart_is_to_pull_it(etherpad: Repository) -> None:
    manifest = push_chart(etherpad)
    address = "/helm/acme/charts/etherpad/etherpad-0.0.4.tgz"

    Client().head(address)
    manifest.refresh_from_db()
    assert manifest.last_pulled_at is None
    Client().get(address).getvalue()
    manifest.refresh_from_db()
    assert manifest.last_pulled_at is not None


def test_what_must_be_signed_is_not_handed_out_unsigned(etherpad: Repository) -> None:
    push_chart(etherpad)
    require_signatures(repository=etherpad, requirement=SignatureRequirement.REQUIRED, now=NOW)

    response = Client().get("/helm/acme/charts/etherpad/etherpad-0.0.4.tgz")

    assert response.status_code == 403
    assert b"requires a valid signature" in response.content
