"""A registry that is read-only lets people in and images out, and changes nothing."""

from http import HTTPStatus
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from artifacts.oci.media_types import OCI_MANIFEST
from config.administration.models import Setting
from config.celery import GO_ON_READ_ONLY, app
from registry.api.distribution.hot_pushes import PushRequest, hot_push
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import (
    PASSWORD,
    bearer,
    hold,
    image,
    make_repository,
    make_user,
    owner_of,
    push,
)

pytestmark = pytest.mark.django_db

BODY = image(b"{}")
WHO = {"service": "berth", "client_id": "x"}
QUAY_SAYS = (
    "System is currently read-only. Pulls will succeed but all write operations are currently"
    " suspended."
)


@pytest.fixture
def repository() -> Repository:
    repository = make_repository("acme/web")
    hold(repository, b"{}")
    push(repository, BODY)
    return repository


@pytest.fixture
def pusher(repository: Repository, settings: Settings) -> Client:
    settings.REGISTRY_STATE = "readonly"
    return Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,push,delete"))


@pytest.fixture
def root(settings: Settings) -> Client:
    """The browser of a superuser."""
    client = Client()
    client.force_login(make_user("captain", is_superuser=True))
    settings.REGISTRY_STATE = "readonly"
    return client


def test_a_manifest_is_pulled(pusher: Client) -> None:
    assert pusher.get("/v2/acme/web/manifests/v1").content == BODY


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v2/acme/web/manifests/v2"),
        ("DELETE", "/v2/acme/web/manifests/v1"),
        ("POST", "/v2/acme/web/blobs/uploads/"),
        ("POST", "//v2/acme/web/blobs/uploads/"),
        ("PUT", "/v1/repositories/acme/web/tags/v2"),
        ("PUT", "/api/v1/repository/acme/web/tag/v2"),
        ("DELETE", "/api/v1/repository/acme/web"),
        ("POST", "/acme/web/-/description"),
        ("POST", "/new/repository"),
        ("POST", "/admin/users/user/add/"),
        ("POST", "/account/password/change/"),
        ("POST", "/account/signup/"),
    ],
)
def test_whatever_may_change_something_is_refused(pusher: Client, method: str, path: str) -> None:
    response = pusher.generic(method, path, BODY, OCI_MANIFEST)

    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert Manifest.objects.count() == 1


def test_a_push_is_told_why_in_quays_words(pusher: Client) -> None:
    response = pusher.generic("PUT", "/v2/acme/web/manifests/v2", BODY, OCI_MANIFEST)

    (error,) = response.json()["errors"]
    assert error == {"code": "DENIED", "message": QUAY_SAYS, "detail": {"is_readonly": True}}


def test_the_management_door_says_it_in_its_own_form(pusher: Client) -> None:
    response = pusher.delete("/api/v1/repository/acme/web")

    assert response.json()["error_message"] == QUAY_SAYS


def test_a_form_is_told_on_a_page(root: Client) -> None:
    response = root.post("/new/repository")

    assert "The registry is read-only for now" in response.content.decode()


def test_a_push_at_the_front_door_is_left_to_the_views(
    repository: Repository, settings: Settings
) -> None:
    headers = bearer(owner_of("acme"), "repository:acme/web:pull,push")
    known = {name.lower(): value for name, value in headers.items()}
    request = PushRequest("POST", "/v2/acme/web/blobs/uploads/", "", known)
    now = timezone.now()
    assert hot_push(request, now=now) is not None
    settings.REGISTRY_STATE = "readonly"

    assert hot_push(request, now=now) is None


def test_a_person_signs_in(settings: Settings, client: Client) -> None:
    make_user("alice")
    settings.REGISTRY_STATE = "readonly"

    response = client.post("/account/login/", {"login": "alice", "password": PASSWORD})

    assert response.status_code == HTTPStatus.FOUND


def test_a_client_gets_a_token(settings: Settings, client: Client) -> None:
    make_user("alice")
    settings.REGISTRY_STATE = "readonly"

    form = urlencode({**WHO, "grant_type": "password", "username": "alice", "password": PASSWORD})
    response = client.post("/v2/auth", form, "application/x-www-form-urlencoded")
    assert response.status_code == HTTPStatus.OK


def test_the_state_is_taken_back_in_the_administration(root: Client) -> None:
    response = root.post("/admin/config/setting/REGISTRY_STATE/", {"value": "normal"})

    assert response.status_code == HTTPStatus.FOUND
    assert Setting.objects.get().value == "normal"


def test_every_page_says_it(root: Client) -> None:
    assert "This registry is read-only for now" in root.get("/explore").content.decode()


@pytest.mark.parametrize("name", ["gc.collect", "retention.run", "tags.sweep_expired"])
def test_a_job_that_changes_content_does_nothing(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REGISTRY_STATE = "readonly"
    app.loader.import_default_modules()
    job = app.tasks[name]
    monkeypatch.setattr(job, "run", lambda: pytest.fail("it ran"))

    assert job() is None


def test_the_jobs_that_go_on_are_jobs() -> None:
    app.loader.import_default_modules()

    assert set(app.tasks) >= GO_ON_READ_ONLY
