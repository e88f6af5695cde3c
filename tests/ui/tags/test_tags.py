"""The list of a repository's tags."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit.services import Actor
from accounts.users.models import User
from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from registry.manifests.models import Manifest
from registry.manifests.services import tag_manifest
from registry.repositories.models import Repository
from registry.statistics.models import DailyTraffic
from registry.tags.services import set_expiry, set_immutable
from tests.artifacts.signatures.signing import Layer, Signer
from tests.registry.builders import (
    descriptor,
    hold,
    image,
    make_organization,
    make_repository,
    make_user,
    push,
)
from tests.registry.charts.builders import push_chart
from tests.registry.verification.signed import attach_by_subject, attach_by_tag, trust
from tests.ui.browsing import browser
from ui.templatetags import berth

pytestmark = pytest.mark.django_db

URL = "/acme/web/-/tags"
ALICE = Signer()
SBOM = Layer("text/spdx+json", b'{"spdxVersion": "SPDX-2.3"}')


@pytest.fixture
def web() -> Repository:
    make_organization("acme", owner=make_user("alice"))
    return make_repository("acme/web", is_public=True)


@pytest.fixture
def alice(web: Repository) -> Client:
    return browser(User.objects.get(username="alice"))


def push_tag(repository: Repository, tag: str, *, layer: bytes = b"layer", **more: Any) -> Manifest:
    """An image of its own for each tag."""
    now = more.pop("now", timezone.now())
    config = json.dumps({"tag": tag}).encode()
    hold(repository, config, layer, now=now)
    return push(repository, image(config, layer, **more), tag, now=now)


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def tags_on(response: Any) -> list[str]:
    assert response.status_code == 200
    return [row.tag.name for row in response.context["rows"]]


def test_a_tag_is_shown_with_all_that_is_known_of_it(web: Repository, alice: Client) -> None:
    trust(web, ALICE)
    manifest = push_tag(web, "v1", layer=b"x" * 5000)
    attach_by_tag(web, manifest.digest, ALICE.simple(manifest.digest))
    attach_by_subject(web, manifest.digest, SBOM)
    now = timezone.now()
    set_expiry(repository=web, name="v1", expires_at=now + timedelta(hours=23.5), now=now)
    set_immutable(repository=web, name="v1", is_immutable=True, now=now)
    DailyTraffic.objects.create(repository=web, reference="v1", day=now.date(), pulls=612)
    tag_manifest(
        repository=web, name="stable", digest=manifest.digest, now=now, by=Actor("acme+ci")
    )

    text = text_of(alice.get(URL))

    assert 'href="/acme/web/-/tags/v1"' in text
    assert manifest.digest in text
    assert 'aria-label="Immutable"' in text
    assert "Verified" in text
    assert 'aria-label="2 attached to v1"' in text
    assert "KiB" in text
    assert "in 23 hours" in text
    assert "set by hand" in text
    assert "612" in text
    assert "by acme+ci" in text
    assert ".sig" not in text


def test_who_pushed_is_told_to_those_who_may_push_only(web: Repository) -> None:
    manifest = push_tag(web, "v1")
    now = timezone.now()
    tag_manifest(
        repository=web, name="stable", digest=manifest.digest, now=now, by=Actor("acme+ci")
    )

    text = text_of(Client().get(URL))

    assert "stable" in text
    assert "acme+ci" not in text
    assert 'name="tag"' not in text


def test_a_private_repository_is_not_there_for_strangers() -> None:
    make_repository("acme/secret")

    assert browser(make_user("mallory")).get("/acme/secret/-/tags").status_code == 404


def test_a_warning_of_a_push_stands_at_its_tag(web: Repository) -> None:
    push_tag(web, "v1", annotations={"quay.expires-after": "2 days"})

    assert "the tag does not expire" in text_of(Client().get(URL))


def test_the_platforms_of_an_index_can_be_opened(web: Repository) -> None:
    arm = push_tag(web, "arm")
    platform: dict[str, Any] = {"os": "linux", "architecture": "<i>arm64", "variant": 8}
    entry = {
        **descriptor(bytes(arm.body), OCI_MANIFEST),
        "platform": platform,
    }
    proof = {**entry, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry, proof]}
    push(web, json.dumps(body).encode(), "all", now=timezone.now())

    text = text_of(Client().get(URL))

    assert "1 platform" in text
    assert "linux/&lt;i&gt;arm64</a>" in text


def test_builds_of_windows_are_told_apart(web: Repository) -> None:
    child = descriptor(bytes(push_tag(web, "child").body), OCI_MANIFEST)
    builds = ["10.0.17763.5329", "10.0.20348.2227"]
    entries = [
        {**child, "platform": {"os": "windows", "architecture": "amd64", "os.version": build}}
        for build in builds
    ]
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    push(web, json.dumps(body).encode(), "all", now=timezone.now())

    text = text_of(Client().get(URL))

    assert "windows/amd64 10.0.17763.5329</a>" in text
    assert "windows/amd64 10.0.20348.2227</a>" in text


def test_charts_are_listed_by_version_with_the_version_of_the_app(web: Repository) -> None:
    for version in ("0.9.0", "0.10.0-rc.1", "0.10.0"):
        push_chart(web, version=version, more="appVersion: 1.9.7\n", now=timezone.now())

    response = Client().get(URL)

    assert tags_on(response) == ["0.10.0", "0.10.0-rc.1", "0.9.0"]
    assert [row.is_latest for row in response.context["rows"]] == [True, False, False]
    assert "1.9.7" in text_of(response)


def test_tags_can_be_sorted(web: Repository) -> None:
    for number, tag in enumerate(("v1.10", "latest", "v1.9")):
        push_tag(web, tag, now=timezone.now() - timedelta(hours=9 - number))

    assert tags_on(Client().get(URL)) == ["v1.9", "latest", "v1.10"]
    assert tags_on(Client().get(f"{URL}?sort=name")) == ["latest", "v1.10", "v1.9"]
    assert tags_on(Client().get(f"{URL}?sort=version")) == ["v1.10", "v1.9", "latest"]


def test_tags_are_found_by_part_of_their_name(web: Repository) -> None:
    for tag in ("v1", "v2-RC", "v2", "a_b"):
        push_tag(web, tag)

    assert tags_on(Client().get(f"{URL}?q=rc")) == ["v2-RC"]
    assert tags_on(Client().get(f"{URL}?q=%25")) == []
    assert tags_on(Client().get(f"{URL}?q=_")) == ["a_b"]


@pytest.mark.parametrize("cut", [lambda d: d, lambda d: d[:20], lambda d: d[7:15]])
def test_tags_are_found_by_the_beginning_of_their_digest(
    web: Repository, cut: Callable[[str], str]
) -> None:
    digest = push_tag(web, "v1").digest
    push_tag(web, "v2")

    assert tags_on(Client().get(URL, {"q": cut(digest)})) == ["v1"]


@pytest.mark.parametrize("text", ["\x00", "sha256:", "sha999:zz", "x" * 5000, "\u202e"])
def test_a_filter_that_nothing_matches_is_no_failure(web: Repository, text: str) -> None:
    push_tag(web, "v1")

    assert Client().get(URL, {"q": text}).status_code == 200


def test_what_expires_is_listed_soonest_first(web: Repository) -> None:
    for tag, lifetime in (("v1", "3w"), ("v2", "1w"), ("v3", "0s")):
        push_tag(web, tag, annotations={"quay.expires-after": lifetime})

    assert tags_on(Client().get(f"{URL}?expiry=expiring")) == ["v2", "v1"]


def test_companion_tags_are_listed_only_when_asked_for(web: Repository) -> None:
    manifest = push_tag(web, "v1")
    attach_by_tag(web, manifest.digest, ALICE.simple(manifest.digest))
    name = manifest.digest.replace(":", "-")
    push_tag(web, name)

    assert tags_on(Client().get(URL)) == ["v1"]
    assert set(tags_on(Client().get(f"{URL}?show=companions"))) == {name, f"{name}.sig"}


@pytest.mark.parametrize("sort", ["newest", "version", "name"])
def test_pages_follow_each_other_and_miss_nothing(web: Repository, sort: str) -> None:
    now = timezone.now()
    manifest = push_tag(web, "v0", now=now)
    for number in range(1, 120):
        name = f"1.{number}" if number % 3 else f"x{number}"
        tag_manifest(repository=web, name=name, digest=manifest.digest, now=now)

    seen, query = [], f"?sort={sort}"
    while query:
        response = Client().get(f"{URL}{query}")
        seen += tags_on(response)
        query = response.context["page"].next_url

    assert len(seen) == 120
    assert len(set(seen)) == 120


def test_with_htmx_only_the_table_is_sent(web: Repository) -> None:
    push_tag(web, "v1")

    response = Client().get(URL, headers={"HX-Request": "true"})

    assert "<html" not in text_of(response)
    assert "v1" in text_of(response)
    assert "HX-Request" in response.headers["Vary"]


def test_htmx_gets_the_whole_page_when_it_goes_back(web: Repository) -> None:
    push_tag(web, "v1")

    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    response = Client().get(URL, headers=headers)

    assert "<html" in text_of(response)


def test_a_page_of_many_tags_asks_no_more_than_one_of_one(web: Repository, alice: Client) -> None:
    def fill(number: int) -> None:
        chart = push_chart(web, version=f"1.0.{number}", now=timezone.now())
        attach_by_tag(web, chart.digest, ALICE.simple(chart.digest))
        attach_by_subject(web, chart.digest, SBOM)
        index = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [descriptor(bytes(chart.body), OCI_MANIFEST)],
            "annotations": {"n": str(number)},
        }
        push(web, json.dumps(index).encode(), f"i{number}", now=timezone.now())
        fallback = chart.digest.replace(":", "-")
        push(web, json.dumps(index).encode(), fallback, now=timezone.now())

    fill(0)
    with CaptureQueriesContext(
        connection,
    ) as one:
        assert len(tags_on(alice.get(URL))) == 2
    for number in range(1, 15):
        fill(number)
    with CaptureQueriesContext(connection) as many:
        assert len(tags_on(alice.get(URL))) == 30

    assert len(many) == len(one)
    assert len(many) <= 25


def made_on(repository: Repository, *tags: str) -> None:
    """Each a day after the one before, from the first of January on."""
    for number, tag in enumerate(tags):
        push_tag(repository, tag, now=datetime(2026, 1, 1 + number, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=name&from=b", ["b", "c"]),
        ("sort=name-down&from=b", ["b", "a"]),
        ("sort=newest&day=2026-01-02", ["b", "a"]),
        ("sort=oldest&day=2026-01-02", ["b", "c"]),
        ("sort=newest&day=9999-12-31", ["c", "b", "a"]),
        ("sort=newest&day=soon", ["c", "b", "a"]),
        ("sort=newest&from=b", ["c", "b", "a"]),
    ],
)
def test_a_list_begins_where_one_jumps_to(web: Repository, query: str, expected: list[str]) -> None:
    made_on(web, "a", "b", "c")

    assert tags_on(Client().get(f"{URL}?{query}")) == expected


def test_versions_are_jumped_to(web: Repository) -> None:
    made_on(web, "1.9.0", "1.10.0", "2.0.0")

    found = tags_on(Client().get(f"{URL}?sort=version&from=1.10.0"))

    assert found == ["1.10.0", "1.9.0"]


def test_a_jump_that_no_version_is_shows_all(web: Repository) -> None:
    made_on(web, "1.9.0")

    assert tags_on(Client().get(f"{URL}?sort=version&from=nonsense")) == ["1.9.0"]


def test_the_head_of_a_column_sorts_and_turns_round(web: Repository) -> None:
    made_on(web, "a", "b")
    client = Client()

    heads = client.get(f"{URL}?q=&sort=name").context["filters"].heads

    assert heads["name"].direction == "ascending"
    assert tags_on(client.get(f"{URL}{heads['name'].url}")) == ["b", "a"]


def test_sorting_by_expiry_keeps_the_filter(web: Repository) -> None:
    made_on(web, "a")

    heads = Client().get(f"{URL}?q=a&show=companions").context["filters"].heads

    assert heads["expires"].url == "?q=a&show=companions&expiry=expiring&sort=newest"


def test_the_whole_number_of_tags_stands_above_the_list(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.paging.PAGE_SIZE", 2)
    made_on(web, "a1", "a2", "a3", "b1")

    assert "3 tags match" in text_of(Client().get(f"{URL}?q=a"))
    assert "4 tags" in text_of(Client().get(URL))


def test_an_address_that_every_row_has_is_made_once(
    web: Repository, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counting(name: str, **options: Any) -> str:
        asked.append(name)
        return reverse(name, **options)

    monkeypatch.setattr(berth, "reverse", counting)
    berth.address.cache_clear()
    for number in range(5):
        push_tag(web, f"v{number}")

    page = text_of(alice.get(URL))

    assert page.count("/-/change-tags?action=delete") == 5
    assert asked.count("ui:change_tags") == 1
