"""Artifact policies in the administration: made, copied, selected, and never changed unseen."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit.models import AuditEvent
from accounts.users.models import Namespace
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.presets import Preset
from registry.repositories.models import Repository
from tests.registry.builders import make_repository, make_user

pytestmark = pytest.mark.django_db

POLICIES = "/admin/policy/artifactpolicy/"
SIF_TYPES = """\
application/vnd.sylabs.sif.config.v1+json:
- application/vnd.sylabs.sif.layer.v1.sif
"""


@pytest.fixture(autouse=True)
def _shipped() -> None:
    """The rows of the migration, also after tests that empty the tables."""
    for preset in Preset:
        ArtifactPolicy.objects.get_or_create(name=preset, defaults={"preset": preset})


@pytest.fixture
def page() -> Client:
    client = Client(REMOTE_ADDR="192.0.2.44")
    client.force_login(make_user("root1", is_superuser=True))
    return client


def make_policy(page: Client, **fields: str) -> Any:
    return page.post(f"{POLICIES}add/", {"name": "mine", "types": "", **fields})


def event(action: str) -> AuditEvent:
    return AuditEvent.objects.get(action=action)


def test_a_policy_is_written_in_the_documented_form(page: Client) -> None:
    response = make_policy(page, types=SIF_TYPES, allows_images="on")

    made = ArtifactPolicy.objects.get(name="mine")
    assert response.status_code == 302
    assert json.loads(made.types_json) == {
        "application/vnd.sylabs.sif.config.v1+json": ["application/vnd.sylabs.sif.layer.v1.sif"]
    }
    assert (made.allows_images, made.allows_anything, made.preset) == (True, False, "")
    assert SIF_TYPES in page.get(f"{POLICIES}{made.pk}/change/").text
    assert event("artifact-policy.create").target == "mine"
    assert event("artifact-policy.create").address == "192.0.2.44"


def test_a_policy_can_be_changed(page: Client) -> None:
    made = ArtifactPolicy.objects.create(name="mine", types_json='{"a/b": ["c/d"]}')

    page.post(f"{POLICIES}{made.pk}/change/", {"name": "ours", "types": "a/b: [c/d, e/f]"})

    made.refresh_from_db()
    assert (made.name, json.loads(made.types_json)) == ("ours", {"a/b": ["c/d", "e/f"]})
    assert event("artifact-policy.change").target == "ours"


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ("helm", "The types must be lines such as"),
        ("application/x:\n", "The types need a list of layer types below application/x"),
        ("a/b:\n- sif\n", "is no media type such as application/json"),
        ("a/b: [", "The types cannot be read"),
    ],
)
def test_a_mistake_is_explained_and_what_was_written_stays(
    types: str, words: str, page: Client
) -> None:
    response = make_policy(page, types=types)

    assert words in response.text
    assert types.strip() in response.text
    assert not ArtifactPolicy.objects.filter(name="mine").exists()


def test_a_policy_cannot_allow_anything_and_list_types_as_well(page: Client) -> None:
    response = make_policy(page, types=SIF_TYPES, allows_anything="on")

    assert "List no types, or do not allow anything." in response.text


@pytest.mark.parametrize("preset", Preset)
def test_a_shipped_policy_is_shown_but_neither_changed_nor_deleted(
    preset: Preset, page: Client
) -> None:
    row = ArtifactPolicy.objects.get(preset=preset)
    address = f"{POLICIES}{row.pk}"

    shown = page.get(f"{address}/change/")

    assert shown.status_code == 200
    assert str(row) in shown.text
    assert ("container images" in shown.text) == (preset in (Preset.BUILTIN, Preset.IMAGES))
    assert ("helm.chart.content" in shown.text) == (preset in (Preset.BUILTIN, Preset.HELM))
    assert page.post(f"{address}/change/", {"name": "x", "types": ""}).status_code == 403
    assert page.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    page.post(POLICIES, chosen)
    assert ArtifactPolicy.objects.filter(pk=row.pk, name=preset).exists()


def test_a_copy_of_a_shipped_policy_can_be_changed(page: Client) -> None:
    row = ArtifactPolicy.objects.get(preset=Preset.BUILTIN)
    for _ in range(2):
        page.post(POLICIES, {"action": "copy", "_selected_action": [row.pk]})

    copy = ArtifactPolicy.objects.get(name="builtin (copy)")
    assert ArtifactPolicy.objects.filter(name="builtin (copy 2)").exists()
    assert AuditEvent.objects.filter(action="artifact-policy.create").count() == 2
    assert copy.as_policy("here").types() == row.as_policy("here").types()
    types = page.get(f"{POLICIES}{copy.pk}/change/").context["adminform"].form.initial["types"]
    changed = {"name": "builtin and SIF", "allows_images": "on", "types": types + SIF_TYPES}
    page.post(f"{POLICIES}{copy.pk}/change/", changed)
    copy.refresh_from_db()
    assert set(copy.content().pairs) == {
        *row.content().pairs,
        "application/vnd.sylabs.sif.config.v1+json",
    }


def test_a_policy_that_somebody_selected_is_not_deleted(page: Client) -> None:
    made = ArtifactPolicy.objects.create(name="mine")
    repository = make_repository("acme/web")
    Repository.objects.filter(pk=repository.pk).update(artifact_policy=made)

    response = page.post(f"{POLICIES}{made.pk}/delete/", {"post": "yes"})

    assert "acme/web" in response.text
    assert ArtifactPolicy.objects.filter(pk=made.pk).exists()
    Repository.objects.update(artifact_policy=None)
    page.post(f"{POLICIES}{made.pk}/delete/", {"post": "yes"})
    assert not ArtifactPolicy.objects.filter(pk=made.pk).exists()


# Selecting


def save(page: Client, address: str, **fields: Any) -> Any:
    """Send the page's form back as a browser does, with some fields changed."""
    form = page.get(address).context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    data = {name: value for name, value in data.items() if value not in (None, False)}
    for formset in page.get(address).context["inline_admin_formsets"]:
        for bound in [formset.formset.management_form, *formset.formset.initial_forms]:
            data |= {bound.add_prefix(name): bound[name].value() or "" for name in bound.fields}
    return page.post(address, {**data, **fields})


def test_an_organization_selects_a_policy_and_its_page_shows_which_holds(page: Client) -> None:
    repository = make_repository("acme/web")
    organization = repository.namespace.organization
    address = reverse("admin:organizations_organization_change", args=[organization.pk])
    chosen = ArtifactPolicy.objects.get(preset=Preset.IMAGES)
    assert "anything, the default where the configuration has no" in page.get(address).text

    assert save(page, address, artifact_policy=chosen.pk).status_code == 302

    assert Namespace.objects.get(name="acme").artifact_policy == chosen
    assert "images only, selected by acme" in page.get(address).text
    selected = event("organization.policy.select")
    assert (selected.actor, selected.target) == ("root1", "acme")
    assert json.loads(selected.detail) == {"policy": "images only"}

    save(page, address, artifact_policy="")
    assert Namespace.objects.get(name="acme").artifact_policy is None


def test_an_organization_s_page_without_a_change_of_policy_says_nothing_of_one(
    page: Client,
) -> None:
    organization = make_repository("acme/web").namespace.organization
    address = reverse("admin:organizations_organization_change", args=[organization.pk])

    save(page, address, email="crew@example.org")

    organization.refresh_from_db()
    assert organization.email == "crew@example.org"
    assert not AuditEvent.objects.filter(action="organization.policy.select").exists()


def test_a_repository_overrides_its_organization_s_policy(page: Client) -> None:
    repository = make_repository("acme/web")
    images, helm = (ArtifactPolicy.objects.get(preset=p) for p in (Preset.IMAGES, Preset.HELM))
    Namespace.objects.filter(name="acme").update(artifact_policy=images)
    address = reverse("admin:repositories_repository_change", args=[repository.pk])
    assert "images only, selected by acme" in page.get(address).text

    assert save(page, address, artifact_policy=helm.pk).status_code == 302

    repository.refresh_from_db()
    assert repository.artifact_policy == helm
    assert re.search("Helm only, selected by the repository acme/web", page.get(address).text)
    assert json.loads(event("repository.policy.select").detail) == {"policy": "Helm only"}
