"""``manage.py check_policy``: what a policy would do, before it does."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.users.models import Namespace
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import DOCKER_MANIFEST
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.presets import Preset
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.repositories.services import select_policy
from tests.artifacts.manifests import DOCKER_CONFIG, DOCKER_LAYER, WASM, WASM_CONFIG
from tests.registry.builders import (
    NOW,
    hold,
    image,
    index,
    make_repository,
    push,
)
from tests.registry.typed import CONFIG, LAYER, manifest

pytestmark = pytest.mark.django_db

IMAGE = image(CONFIG, LAYER)
MODULE = manifest(WASM_CONFIG, WASM)
DOCKER = manifest(DOCKER_CONFIG, DOCKER_LAYER, media_type=DOCKER_MANIFEST)


@pytest.fixture(autouse=True)
def _shipped() -> None:
    """The rows of the migration, also after tests that empty the tables."""
    for preset in Preset:
        ArtifactPolicy.objects.get_or_create(name=preset, defaults={"preset": preset})


@pytest.fixture
def web() -> Repository:
    return stocked("acme/web")


def stocked(path: str) -> Repository:
    """A repository with an image and a WebAssembly module, tagged."""
    repository = make_repository(path)
    hold(repository, CONFIG, LAYER)
    push(repository, IMAGE, "image")
    push(repository, MODULE, "module", tags=("latest",))
    return repository


def check(*arguments: str) -> str:
    output = StringIO()
    call_command("check_policy", *arguments, stdout=output)
    return output.getvalue()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        check(*arguments)
    assert caught.value.returncode == 1
    return str(caught.value)


def test_a_file_is_judged_by_the_configuration(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "manifest.json"
    file.write_bytes(MODULE)

    assert check(str(file)).splitlines() == [
        "Policy: anything, the default where the configuration has no ALLOWED_OCI_ARTIFACT_TYPES;"
        " it allows anything",
        "Kind: WebAssembly module",
        "Accepted",
    ]
    settings.ALLOWED_OCI_ARTIFACT_TYPES = "builtin"
    assert refusal(str(file)).startswith(f"Refused: artifact type {WASM_CONFIG} is blocked by")


def test_a_file_is_judged_by_a_named_policy(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_bytes(IMAGE)

    assert "Accepted" in check(str(file), "--policy", "images only")
    assert "'Helm only', chosen with --policy;" in refusal(str(file), "--policy", "Helm only")


@pytest.mark.parametrize("reference", [":module", f"@{Digest.of(MODULE)}"])
def test_a_stored_manifest_is_judged_by_the_policy_in_force(
    reference: str, web: Repository
) -> None:
    assert "Accepted" in check(f"acme/web{reference}")

    select_policy(repository=web, policy=ArtifactPolicy.objects.get(name="images only"), now=NOW)

    assert "selected by the repository acme/web" in refusal(f"acme/web{reference}")
    assert "Accepted" in check(f"acme/web{reference}", "--policy", "configuration")


def test_an_index_is_accepted_with_a_word_about_what_it_lists(web: Repository) -> None:
    push(web, index(IMAGE, MODULE), "both")

    answer = check("acme/web:both", "--policy", "images only")

    assert "Accepted; the manifests it lists are judged themselves" in answer


def test_with_oci_switched_off_a_manifest_is_refused_for_its_format(
    web: Repository, settings: Settings
) -> None:
    settings.FEATURE_GENERAL_OCI_SUPPORT = False

    assert "FEATURE_GENERAL_OCI_SUPPORT is false" in refusal("acme/web:image")


MISTAKES = {
    "nothing": ((), "give either a manifest (a file or REPOSITORY:TAG) or --report"),
    "both": (("acme/web:image", "--report="), "give either a manifest"),
    "no such policy": (
        ("acme/web:image", "--policy=strict"),
        "there is no artifact policy 'strict'; there are: configuration, ",
    ),
    "no such file": (("manifest.json",), "there is no file manifest.json; a stored manifest is"),
    "no such repository": (("acme/nothing:v1",), "nor a repository acme/nothing"),
    "no such tag": (("acme/web:v9",), "acme/web has no manifest v9"),
    "no repository's name": (("ACME/web:v1",), "ACME/web"),
    "a report of no repository": (("--report=acme/nothing",), "there is no repository acme/not"),
    "a report of nobody": (("--report=umbrella",), "there is no organization, user or repository"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(mistake: str, web: Repository) -> None:
    arguments, words = MISTAKES[mistake]

    with pytest.raises(CommandError) as caught:
        check(*arguments)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_manifest_is_told_why(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"schemaVersion": 2}))

    with pytest.raises(CommandError, match="neither Content-Type nor mediaType"):
        check(str(file))


# The report


def test_the_report_lists_what_would_no_longer_be_accepted(web: Repository) -> None:
    assert check("--report").splitlines() == [
        "0 of 2 stored manifests would no longer be accepted. All of them can still be pulled."
    ]
    images = ArtifactPolicy.objects.get(name="images only")
    select_policy(repository=web, policy=images, now=NOW)

    line, total = check("--report").splitlines()

    assert line.startswith(
        f"acme/web@{Digest.of(MODULE)} (latest, module): artifact type {WASM_CONFIG} is blocked by"
        " the artifact policy 'images only', selected by the repository acme/web"
    )
    assert total.startswith("1 of 2 stored manifests")


def test_the_report_tries_a_policy_before_anybody_selects_it(web: Repository) -> None:
    answer = check("--report", "--policy", "Helm only")

    assert "2 of 2 stored manifests" in answer
    assert Repository.objects.get().artifact_policy is None


def test_the_report_covers_an_organization_or_a_repository_when_told_so(web: Repository) -> None:
    for path in ("acme/api", "umbrella/web"):
        stocked(path)
    images = ArtifactPolicy.objects.get(name="images only")
    Namespace.objects.filter(name__in=["acme", "umbrella"]).update(artifact_policy=images)

    def named(scope: str) -> list[str]:
        return [line.partition("@")[0] for line in check(f"--report={scope}").splitlines()[:-1]]

    assert named("") == ["acme/api", "acme/web", "umbrella/web"]
    assert named("acme") == ["acme/api", "acme/web"]
    assert named("umbrella/web") == ["umbrella/web"]


def test_the_report_leaves_out_what_was_deleted(web: Repository) -> None:
    Manifest.objects.filter(digest=str(Digest.of(MODULE))).update(deleted_at=NOW)

    assert "0 of 1 stored" in check("--report", "--policy", "images only")


def test_the_report_knows_that_oci_is_switched_off(web: Repository, settings: Settings) -> None:
    push(web, DOCKER, "docker")
    settings.FEATURE_GENERAL_OCI_SUPPORT = False

    answer = check("--report")

    assert "2 of 3 stored" in answer
    assert str(Digest.of(DOCKER)) not in answer


def test_the_report_goes_on_past_a_manifest_that_cannot_be_read(web: Repository) -> None:
    Manifest.objects.filter(digest=str(Digest.of(IMAGE))).update(body=b"{}")

    answer = check("--report", "--policy", "images only")

    assert f"acme/web@{Digest.of(IMAGE)} (image): " in answer
    assert "2 of 2 stored" in answer
