"""Pages where people choose which types may be pushed."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.users.models import Namespace, User
from artifacts.policy.models import ArtifactPolicy
from artifacts.policy.presets import Preset
from registry.repositories.models import Repository
from registry.repositories.services import select_policy
from tests.artifacts.manifests import WASM, WASM_CONFIG
from tests.registry.builders import NOW, hold, image, make_repository, make_user, push
from tests.registry.typed import CONFIG, LAYER, manifest
from tests.ui.browsing import browser
from ui.rules import policy as pages

pytestmark = pytest.mark.django_db

MODULE = manifest(WASM_CONFIG, WASM)


@pytest.fixture(autouse=True)
def _shipped() -> None:
    """The rows of the migration, also after tests that empty the tables."""
    for preset in Preset:
        ArtifactPolicy.objects.get_or_create(name=preset, defaults={"preset": preset})


@pytest.fixture
def web() -> Repository:
    """With an image and a WebAssembly module."""
    repository = make_repository("acme/web")
    hold(repository, CONFIG, LAYER)
    push(repository, image(CONFIG, LAYER), "image")
    push(repository, MODULE, "module", tags=("latest",))
    return repository


@pytest.fixture
def owner(web: Repository) -> Client:
    return browser(User.objects.get(username="acme-owner"))


def preset(name: str) -> ArtifactPolicy:
    return ArtifactPolicy.objects.get(name=name)


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def change(name: str) -> str:
    return f"/acme/-/policy/change?policy={preset(name).pk}"


def test_the_page_says_which_policy_holds_and_what_the_others_allow(owner: Client) -> None:
    shown = text(owner, "/acme/-/policy")

    assert "the default where the configuration has no ALLOWED_OCI_ARTIFACT_TYPES" in shown
    assert "as the configuration says" in shown
    assert "application/vnd.cncf.helm.chart.provenance.v1.prov" in shown
    assert all(name in shown for name in Preset)


def test_before_a_change_what_would_be_refused_is_named(owner: Client) -> None:
    shown = text(owner, change("images only"))

    assert f"<code>{WASM_CONFIG}</code>" in shown
    assert ">latest</span>, <span" in shown
    assert ">module</span>" in shown
    assert "1 of 2 manifests would be refused, and these are all" in shown
    assert Namespace.objects.get(name="acme").artifact_policy is None


def test_a_long_report_goes_from_page_to_page(
    owner: Client, web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LOOKED_AT", 1)

    first = owner.get(change("images only"))
    second = owner.get(f"/acme/-/policy/change{first.context['page'].next_url}")

    refused = [one.digest for page in (first, second) for one in page.context["refused"]]
    assert len(refused) == 1
    assert "other pages have more manifests" in first.content.decode()
    assert not second.context["page"].next_url


def test_the_choice_holds_and_is_audited(owner: Client) -> None:
    answer = owner.post("/acme/-/policy/change", {"policy": preset("Helm only").pk}, follow=True)

    assert answer.redirect_chain == [("/acme/-/policy", 302)]
    assert "Pushes to acme are now judged by: Helm only." in answer.content.decode()
    assert Namespace.objects.get(name="acme").artifact_policy == preset("Helm only")
    event = AuditEvent.objects.get(action="organization.policy.select")
    assert (event.actor, event.target) == ("acme-owner", "acme")


def test_the_choice_can_be_taken_back(owner: Client) -> None:
    Namespace.objects.update(artifact_policy=preset("Helm only"))

    owner.post("/acme/-/policy/change", {"policy": "none"})

    assert Namespace.objects.get(name="acme").artifact_policy is None


def test_people_choose_for_their_own_repositories() -> None:
    alice = browser(make_user())

    alice.post("/alice/-/policy/change", {"policy": preset("images only").pk})

    assert Namespace.objects.get(name="alice").artifact_policy == preset("images only")
    assert AuditEvent.objects.get(action="user.policy.select").target == "alice"


def test_a_repository_can_have_another_policy(owner: Client, web: Repository) -> None:
    Namespace.objects.update(artifact_policy=preset("Helm only"))
    address = "/acme/web/-/rules/policy"

    assert "selected by acme" in text(owner, address)
    owner.post(f"{address}/change", {"policy": preset("anything").pk})

    web.refresh_from_db()
    assert web.artifact_policy == preset("anything")
    assert "selected by the repository acme/web" in text(owner, address)


def test_the_report_leaves_out_repositories_with_their_own_policy(
    owner: Client, web: Repository
) -> None:
    select_policy(repository=web, policy=preset("anything"), now=NOW)

    shown = text(owner, change("images only"))

    assert "Repositories that chose a policy of their own keep it" in shown
    assert "Nothing is stored here yet." in shown


@pytest.mark.parametrize("sent", ["", "x", "0", "9" * 30, "1 OR 1"])
def test_a_policy_that_does_not_exist_is_not_chosen(owner: Client, sent: str) -> None:
    assert owner.get("/acme/-/policy/change", {"policy": sent}).status_code == 404
    assert owner.post("/acme/-/policy/change", {"policy": sent}).status_code == 404
    assert Namespace.objects.get(name="acme").artifact_policy is None


def test_only_superusers_are_led_to_the_administration(owner: Client, settings: Settings) -> None:
    settings.FEATURE_SUPERUSERS_FULL_ACCESS = True
    admin = browser(make_user("boss", is_superuser=True))

    assert "/admin/policy/artifactpolicy/" not in text(owner, "/acme/-/policy")
    assert "/admin/policy/artifactpolicy/" in text(admin, "/acme/-/policy")


def test_the_report_takes_as_many_queries_for_many_manifests(
    owner: Client, web: Repository
) -> None:
    address = change("Helm only")
    owner.get(address)
    few = queries(owner, address)

    for number in range(30):
        push(web, image(CONFIG, LAYER, annotations={"n": str(number)}), f"v{number}")

    assert queries(owner, address) == few


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)
