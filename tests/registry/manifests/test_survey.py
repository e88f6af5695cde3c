"""What is stored and would be refused, for some manifests at a time."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from artifacts.policy.presets import PRESETS, Preset
from artifacts.policy.rules import Policy
from registry.manifests.models import Manifest
from registry.manifests.policy import MAX_TAGS_NAMED, Judged, judged_manifests, refused_among
from registry.repositories.models import Repository
from tests.artifacts.manifests import WASM, WASM_CONFIG
from tests.registry.builders import NOW, hold, image, make_repository, push
from tests.registry.typed import CONFIG, LAYER, manifest

pytestmark = pytest.mark.django_db

IMAGES = Policy("images only", "tried", allows_images=PRESETS[Preset.IMAGES].allows_images)
MODULE = manifest(WASM_CONFIG, WASM)


@pytest.fixture
def web() -> Repository:
    repository = make_repository("acme/web")
    hold(repository, CONFIG, LAYER)
    push(repository, image(CONFIG, LAYER), "image")
    push(repository, MODULE, "module")
    return repository


def refused() -> list[Judged]:
    keys = list(Manifest.objects.values_list("pk", flat=True))
    return list(refused_among(manifests=keys, policy=IMAGES, now=NOW))


def test_it_says_what_the_whole_report_says(web: Repository) -> None:
    whole = [one for one in judged_manifests(repository=web, policy=IMAGES, now=NOW) if one.reason]

    (found,) = refused()

    assert [(one.digest, one.reason, list(one.tags)) for one in whole] == [
        (found.digest, found.reason, list(found.tags))
    ]
    assert (found.path, found.blocked, found.tags) == ("acme/web", WASM_CONFIG, ["module"])


def test_of_many_tags_some_are_named(web: Repository) -> None:
    push(web, MODULE, "module", tags=tuple(f"t{number}" for number in range(9)))

    (found,) = refused()

    assert found.tags == ["module", "t0", "t1", "t2", "t3"]
    assert len(found.tags) == MAX_TAGS_NAMED


def test_a_format_that_is_switched_off_has_a_reason_and_no_type(
    web: Repository, settings: Settings
) -> None:
    settings.FEATURE_GENERAL_OCI_SUPPORT = False

    found = refused()

    assert len(found) == 2
    assert all("FEATURE_GENERAL_OCI_SUPPORT" in one.reason and not one.blocked for one in found)


def test_many_take_as_many_queries_as_one(web: Repository) -> None:
    with CaptureQueriesContext(connection) as few:
        refused()
    for number in range(10):
        body = manifest(WASM_CONFIG, WASM, annotations={"n": str(number)})
        push(web, body, f"m{number}")

    with CaptureQueriesContext(connection) as many:
        assert len(refused()) == 11

    assert len(many) == len(few)
