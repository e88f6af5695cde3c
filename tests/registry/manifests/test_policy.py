"""Artifact policy at the door: which one holds, what a refusal says, and what stays of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.organizations.services import select_policy as select_for_organization
from accounts.users.models import Namespace
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestTypeUnsupported
from artifacts.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from artifacts.policy.models import ArtifactPolicy
from registry.manifests.models import Manifest
from registry.manifests.policy import BlockedByPolicy
from registry.repositories.models import Repository
from registry.repositories.policies import effective_policy
from registry.repositories.services import select_policy
from tests.artifacts.manifests import (
    CHART,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    EMPTY,
    HELM_CONFIG,
    OCI_CONFIG,
    OPA_CONFIG,
    OPA_DATA,
    OPA_POLICY,
    PROVENANCE,
    SIF_CONFIG,
    SIF_LAYER,
    SIF_TAR,
    SIMPLE_SIGNING,
    TAR_GZIP,
    WASM,
    WASM_CONFIG,
)
from tests.registry.builders import (
    NOW,
    bearer,
    descriptor,
    error_of,
    hold,
    image,
    index,
    make_repository,
    owner_of,
    push,
)
from tests.registry.stored import stored_files
from tests.registry.typed import CONFIG, LAYER, manifest

pytestmark = pytest.mark.django_db

THING = "application/vnd.example.thing.v1"
DOCUMENTED = {
    OCI_CONFIG: [SIMPLE_SIGNING],
    HELM_CONFIG: [TAR_GZIP],
    SIF_CONFIG: [SIF_TAR],
}


@pytest.fixture
def web() -> Repository:
    repository = make_repository("acme/web")
    hold(repository, CONFIG, LAYER)
    return repository


def policy(name: str = "mine", **changed: Any) -> ArtifactPolicy:
    types = changed.pop("types", {})
    return ArtifactPolicy.objects.create(name=name, types_json=json.dumps(types), **changed)


def preset(name: str) -> ArtifactPolicy:
    """A shipped policy; tests that empty the tables take its row away."""
    return ArtifactPolicy.objects.get_or_create(name=name, defaults={"preset": name})[0]


def refused(repository: Repository, body: bytes) -> str:
    with pytest.raises(BlockedByPolicy) as caught:
        push(repository, body)
    return caught.value.reason


CHART_BODY = manifest(HELM_CONFIG, CHART)
SIGNED_CHART = manifest(HELM_CONFIG, CHART, PROVENANCE)
SIGNATURE = manifest(OCI_CONFIG, SIMPLE_SIGNING)
SIF = manifest(SIF_CONFIG, SIF_LAYER)
MODULE = manifest(WASM_CONFIG, WASM)
OPA = manifest(OPA_CONFIG, OPA_POLICY, OPA_DATA)
IMAGE = image(CONFIG, LAYER)
DOCKER = manifest(DOCKER_CONFIG, DOCKER_LAYER, media_type=DOCKER_MANIFEST)
ODD = manifest(THING, THING)
EVERYTHING = {
    "chart": CHART_BODY,
    "chart with provenance": SIGNED_CHART,
    "signature": SIGNATURE,
    "SIF": SIF,
    "WASM": MODULE,
    "OPA": OPA,
    "image": IMAGE,
    "Docker image": DOCKER,
    "odd": ODD,
}
IMAGES = {"image", "Docker image"}
BUILTIN = IMAGES | {"chart", "chart with provenance", "signature", "OPA"}

CONFIGURED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, set(EVERYTHING)),
    "builtin": ({"ALLOWED_OCI_ARTIFACT_TYPES": "builtin"}, BUILTIN),
    "an empty list": ({"ALLOWED_OCI_ARTIFACT_TYPES": {}}, IMAGES),
    "the documented list": (
        {"ALLOWED_OCI_ARTIFACT_TYPES": DOCUMENTED},
        IMAGES | {"chart", "signature", "SIF"},
    ),
    "Helm alone, which only adds": ({"FEATURE_HELM_OCI_SUPPORT": True}, set(EVERYTHING)),
    "no Helm, which takes nothing away": (
        {"FEATURE_HELM_OCI_SUPPORT": False, "ALLOWED_OCI_ARTIFACT_TYPES": "builtin"},
        BUILTIN,
    ),
    "a list and Helm": (
        {"FEATURE_HELM_OCI_SUPPORT": True, "ALLOWED_OCI_ARTIFACT_TYPES": {THING: [THING]}},
        IMAGES | {"chart", "chart with provenance", "odd"},
    ),
    "a list and no Helm": (
        {"FEATURE_HELM_OCI_SUPPORT": False, "ALLOWED_OCI_ARTIFACT_TYPES": {THING: [THING]}},
        IMAGES | {"odd"},
    ),
    "a list that does not count": (
        {"IGNORE_UNKNOWN_MEDIATYPES": True, "ALLOWED_OCI_ARTIFACT_TYPES": {}},
        set(EVERYTHING),
    ),
}


@pytest.mark.parametrize("case", CONFIGURED)
def test_the_configuration_decides_where_nobody_selected_a_policy(
    case: str, web: Repository, settings: Settings
) -> None:
    keys, allowed = CONFIGURED[case]
    for key, value in keys.items():
        setattr(settings, key, value)

    taken = set()
    for name, body in EVERYTHING.items():
        try:
            push(web, body)
            taken.add(name)
        except BlockedByPolicy:
            continue

    assert taken == allowed


def test_a_repository_s_policy_counts_more_than_its_organization_s_and_that_more_than_the_file_s(
    web: Repository, settings: Settings
) -> None:
    settings.ALLOWED_OCI_ARTIFACT_TYPES = "builtin"
    assert "'builtin', set by ALLOWED_OCI_ARTIFACT_TYPES in the configuration;" in refused(web, SIF)

    organization = web.namespace.organization
    mine = policy(types={SIF_CONFIG: [SIF_LAYER]})
    select_for_organization(organization=organization, policy=mine, now=NOW)
    push(web, SIF)
    assert "'mine', selected by acme;" in refused(web, CHART_BODY)

    select_policy(repository=web, policy=preset("Helm only"), now=NOW)
    push(web, CHART_BODY)
    assert "'Helm only', selected by the repository acme/web;" in refused(web, SIF)

    select_policy(repository=web, policy=None, now=NOW)
    select_for_organization(organization=organization, policy=None, now=NOW)
    assert "ALLOWED_OCI_ARTIFACT_TYPES" in refused(web, SIF)


def test_a_policy_of_one_organization_is_nothing_to_another(web: Repository) -> None:
    other = make_repository("umbrella/web")
    hold(other, CONFIG, LAYER)
    Namespace.objects.filter(name="acme").update(artifact_policy=preset("images only"))

    push(other, CHART_BODY)

    refused(web, CHART_BODY)


def test_a_selected_policy_holds_although_the_configuration_ignores_types(
    web: Repository, settings: Settings
) -> None:
    settings.IGNORE_UNKNOWN_MEDIATYPES = True
    select_policy(repository=web, policy=preset("images only"), now=NOW)

    refused(web, CHART_BODY)


def test_a_changed_policy_holds_from_the_next_push_on(web: Repository) -> None:
    mine = policy(allows_anything=True)
    select_policy(repository=web, policy=mine, now=NOW)
    push(web, SIF)

    ArtifactPolicy.objects.filter(pk=mine.pk).update(allows_anything=False, allows_images=True)

    refused(web, SIF)
    push(web, IMAGE)


def test_the_configured_policy_is_named_by_its_keys(web: Repository, settings: Settings) -> None:
    assert str(effective_policy(web)) == (
        "anything, the default where the configuration has no ALLOWED_OCI_ARTIFACT_TYPES;"
        " it allows anything"
    )
    settings.ALLOWED_OCI_ARTIFACT_TYPES = {THING: []}
    assert str(effective_policy(web)) == (
        "ALLOWED_OCI_ARTIFACT_TYPES, set by ALLOWED_OCI_ARTIFACT_TYPES in the configuration;"
        f" it allows container images, {THING}"
    )
    settings.IGNORE_UNKNOWN_MEDIATYPES = True
    assert "IGNORE_UNKNOWN_MEDIATYPES" in str(effective_policy(web))


def test_an_index_is_taken_whatever_it_lists(web: Repository) -> None:
    push(web, MODULE)
    push(web, IMAGE)
    select_policy(repository=web, policy=preset("images only"), now=NOW)

    push(web, index(MODULE, IMAGE), "both")

    assert Manifest.objects.filter(repository=web, media_type=OCI_INDEX).exists()


def test_a_referrer_is_judged_by_itself_and_not_by_its_subject(web: Repository) -> None:
    select_policy(repository=web, policy=preset("images only"), now=NOW)
    subject = descriptor(MODULE, OCI_MANIFEST)

    push(web, image(CONFIG, LAYER, subject=subject))

    sbom = manifest(EMPTY, "text/spdx", artifactType="text/spdx", subject=descriptor(IMAGE))
    assert "artifact type text/spdx is blocked" in refused(web, sbom)


# What a client sees


@pytest.fixture
def client(web: Repository) -> Client:
    return Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,push"))


def put(client: Client, reference: str, body: bytes, media_type: str = OCI_MANIFEST) -> Any:
    return client.generic("PUT", f"/v2/acme/web/manifests/{reference}", body, media_type)


def test_a_refusal_is_403_denied_with_the_whole_reason(web: Repository, client: Client) -> None:
    select_policy(repository=web, policy=preset("images only"), now=NOW)

    response = put(client, "v1", MODULE)

    assert response.status_code == 403
    assert error_of(response.json()) == (
        "DENIED",
        "artifact type application/vnd.wasm.config.v0+json is blocked by the artifact policy"
        " 'images only', selected by the repository acme/web;"
        " the policy allows container images",
    )
    assert response.json()["errors"][0]["detail"] == {
        "blocked": WASM_CONFIG,
        "policy": "images only",
    }
    assert 'scope="repository:acme/web:pull,push"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("reference", ["v1", str(Digest.of(MODULE))])
def test_nothing_of_a_refused_manifest_stays(
    reference: str, web: Repository, client: Client, store_root: Path
) -> None:
    put(client, "v1", IMAGE)
    select_policy(repository=web, policy=preset("images only"), now=NOW)
    tags, files = list(web.tags.values()), stored_files(store_root)

    assert put(client, reference, MODULE).status_code == 403

    assert [found.digest for found in Manifest.objects.all()] == [str(Digest.of(IMAGE))]
    assert list(web.tags.values()) == tags
    assert stored_files(store_root) == files
    assert client.get(f"/v2/acme/web/manifests/{Digest.of(MODULE)}").status_code == 404


def test_a_stricter_policy_leaves_what_is_stored_to_be_pulled(
    web: Repository, client: Client
) -> None:
    put(client, "module", MODULE)
    select_policy(repository=web, policy=preset("images only"), now=NOW)

    for reference in ("module", str(Digest.of(MODULE))):
        pulled = client.get(f"/v2/acme/web/manifests/{reference}")
        assert (pulled.status_code, pulled.content) == (200, MODULE)
    assert client.get(f"/v2/acme/web/blobs/{Digest.of(LAYER)}").status_code == 200
    assert put(client, "again", MODULE).status_code == 403


# OCI switched off


@pytest.fixture
def _oci_is_off(settings: Settings) -> None:
    settings.FEATURE_GENERAL_OCI_SUPPORT = False


@pytest.mark.usefixtures("_oci_is_off")
def test_with_oci_switched_off_only_docker_s_manifests_are_taken(web: Repository) -> None:
    push(web, DOCKER)
    push(web, index(DOCKER, mediaType=DOCKER_LIST))

    for body in (IMAGE, CHART_BODY, index(DOCKER)):
        with pytest.raises(ManifestTypeUnsupported):
            push(web, body)


@pytest.mark.usefixtures("_oci_is_off")
def test_with_oci_switched_off_the_answer_is_415_manifest_invalid(
    web: Repository, client: Client
) -> None:
    response = put(client, "v1", IMAGE)

    assert response.status_code == 415
    code, message = error_of(response.json())
    assert code == "MANIFEST_INVALID"
    assert "FEATURE_GENERAL_OCI_SUPPORT is false in the configuration" in message
    assert not Manifest.objects.exists()


def test_with_oci_switched_off_what_is_stored_can_be_pulled(
    web: Repository, client: Client, settings: Settings
) -> None:
    put(client, "v1", IMAGE)
    settings.FEATURE_GENERAL_OCI_SUPPORT = False

    assert client.get("/v2/acme/web/manifests/v1").content == IMAGE


# The referrers API switched off


def test_without_the_referrers_api_its_route_is_unknown_and_no_push_speaks_of_it(
    web: Repository, client: Client, settings: Settings
) -> None:
    referrer = image(CONFIG, LAYER, subject=descriptor(IMAGE, OCI_MANIFEST))
    path = f"/v2/acme/web/referrers/{Digest.of(IMAGE)}"
    assert "OCI-Subject" in put(client, "one", referrer).headers

    settings.FEATURE_REFERRERS_API = False

    assert "OCI-Subject" not in put(client, "two", referrer).headers
    for method in ("GET", "HEAD"):
        answer = client.generic(method, path)
        assert answer.status_code == 404
    code, _ = error_of(client.get(path).json())
    assert code not in ("NAME_UNKNOWN", "MANIFEST_UNKNOWN")


def test_what_was_pushed_without_the_referrers_api_is_listed_once_it_is_on_again(
    web: Repository, client: Client, settings: Settings
) -> None:
    settings.FEATURE_REFERRERS_API = False
    referrer = image(CONFIG, LAYER, subject=descriptor(IMAGE, OCI_MANIFEST))
    put(client, str(Digest.of(referrer)), referrer)

    settings.FEATURE_REFERRERS_API = True

    listed = client.get(f"/v2/acme/web/referrers/{Digest.of(IMAGE)}").json()["manifests"]
    assert [entry["digest"] for entry in listed] == [str(Digest.of(referrer))]


# What it costs


def test_a_policy_costs_a_push_one_statement_and_an_index_none(web: Repository) -> None:
    def asked(body: bytes, tag: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            push(web, body, tag, now=datetime.now(UTC))
        return sum("artifact_policy" in query["sql"] for query in captured)

    assert asked(IMAGE, "v1") == 1
    assert asked(index(IMAGE), "both") == 0
