"""Labels of manifests, those that are pushed and those that are put on, and counts of pulls."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from accounts.audit.models import AuditEvent
from artifacts.oci.digest import Digest
from registry.manifests import labels
from registry.manifests.models import ManifestLabel
from registry.repositories.models import Repository
from registry.statistics.models import DailyTraffic
from tests.registry.api.management.asking import ask, token
from tests.registry.builders import hold, image, make_repository, push

pytestmark = pytest.mark.django_db

CONFIG = b'{"config": {"Labels": {"team": "x"}}}'
BODY = image(CONFIG, b"layer")
DIGEST = str(Digest.of(BODY))
MANIFEST = f"/repository/acme/web/manifest/{DIGEST}"
LABELS = f"{MANIFEST}/labels"


@pytest.fixture
def web() -> Repository:
    web = make_repository("acme/web")
    hold(web, CONFIG, b"layer")
    push(web, BODY, "v1", now=datetime.now(UTC))
    return web


@pytest.fixture
def owner(web: Repository) -> Client:
    return Client(headers=token("acme-owner"), raise_request_exception=False)


def test_a_label_that_was_put_on_a_manifest_stands_beside_those_of_the_image(owner: Client) -> None:
    ask(owner, "POST", LABELS, {"key": "stage", "value": "test", "media_type": None})

    found = ask(owner, "GET", LABELS)[1]["labels"]

    assert [(one["key"], one["source_type"]) for one in found] == [
        ("team", "manifest"),
        ("stage", "api"),
    ]


def test_a_new_label_is_answered_with_its_place(owner: Client) -> None:
    answer = owner.post(
        f"/api/v1{LABELS}", {"key": "a/b.c", "value": "{}"}, content_type="application/json"
    )

    label = answer.json()["label"]
    assert (label["key"], label["media_type"]) == ("a/b.c", "application/json")
    assert owner.get(answer.headers["Location"]).json() == label


@pytest.mark.parametrize(
    "said",
    [
        {"key": "quay.x", "value": "x"},
        {"key": "org.opencontainers.image.title", "value": "x"},
        {"key": "Upper", "value": "x"},
        {"key": "", "value": "x"},
        {"key": "two words", "value": "x"},
        {"key": "a", "value": "{", "media_type": "application/json"},
        {"key": "a", "value": "x", "media_type": "text/html"},
        {"key": "a", "value": "x" * 5000},
        {"key": "a"},
    ],
)
def test_a_label_that_cannot_be_is_refused(owner: Client, said: dict[str, str]) -> None:
    assert ask(owner, "POST", LABELS, said)[0] == 400
    assert not ManifestLabel.objects.exists()


def test_a_manifest_has_so_many_labels(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MAX_LABELS", 1)
    ask(owner, "POST", LABELS, {"key": "a", "value": "x"})

    assert ask(owner, "POST", LABELS, {"key": "b", "value": "x"})[0] == 400


def test_a_label_that_was_put_on_is_taken_off_once(owner: Client) -> None:
    _, made = ask(owner, "POST", LABELS, {"key": "a", "value": "x"})
    one = f"{LABELS}/{made['label']['id']}"

    assert [ask(owner, "DELETE", one)[0] for _ in range(2)] == [204, 404]
    kinds = AuditEvent.objects.filter(action__startswith="manifest.label").order_by("id")
    assert list(kinds.values_list("action", flat=True)) == [
        "manifest.label.add",
        "manifest.label.delete",
    ]


def test_a_label_of_the_image_stays(owner: Client) -> None:
    (label,) = ask(owner, "GET", LABELS)[1]["labels"]

    assert ask(owner, "DELETE", f"{LABELS}/{label['id']}")[0] == 400


def test_a_label_of_another_manifest_is_not_there(owner: Client, web: Repository) -> None:
    hold(web, b"{}")
    other = image(b"{}")
    push(web, other, now=datetime.now(UTC))
    _, made = ask(owner, "POST", LABELS, {"key": "a", "value": "x"})

    place = f"/repository/acme/web/manifest/{Digest.of(other)}/labels/{made['label']['id']}"
    assert ask(owner, "DELETE", place)[0] == 404


def test_pulls_are_summed_over_the_days(owner: Client, web: Repository) -> None:
    at = datetime(2026, 11, 29, 13, 55, 44, tzinfo=UTC)
    for reference, day, pulls in ((DIGEST, 1, 5), ("v1", 1, 2), ("v1", 2, 1)):
        DailyTraffic.objects.create(
            repository=web, reference=reference, day=f"2026-11-0{day}", pulls=pulls,
            last_pulled_at=at,
        )  # fmt: skip

    assert ask(owner, "GET", "/repository/acme/web/tag/v1/pull_statistics")[1] == {
        "tag_name": "v1",
        "tag_pull_count": 3,
        "last_tag_pull_date": "Sun, 29 Nov 2026 13:55:44 -0000",
        "current_manifest_digest": DIGEST,
        "manifest_pull_count": 5,
        "last_manifest_pull_date": "Sun, 29 Nov 2026 13:55:44 -0000",
    }


def test_what_was_never_pulled_says_so(owner: Client) -> None:
    assert ask(owner, "GET", f"{MANIFEST}/pull_statistics")[1] == {
        "manifest_digest": DIGEST,
        "manifest_pull_count": 0,
        "last_manifest_pull_date": None,
    }
