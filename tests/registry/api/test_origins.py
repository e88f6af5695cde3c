"""What pages of other sites may make a browser do at the doors for programs."""

import pytest
from django.test import Client
from pytest_django import Settings

from artifacts.oci.digest import Digest
from registry.repositories.models import Repository
from tests.registry.api.management.test_tags import basic
from tests.registry.builders import hold, image, push

pytestmark = pytest.mark.django_db

UI, EVIL = "https://ui.example.com", "http://evil.example"
UPLOADS = "/v2/acme/web/blobs/uploads/"
WRITES = [
    ("POST", UPLOADS),
    ("PUT", "/v2/acme/web/manifests/v1"),
    ("DELETE", "/v2/acme/web/manifests/v1"),
    ("POST", "/v2/auth"),
    ("POST", "/v1/users/"),
    ("PUT", "/v1/repositories/acme/web/"),
    ("POST", "/api/v1/repository/acme/web/tag/v1/restore"),
    ("DELETE", "/api/v1/repository/acme/web/tag/v1"),
    ("POST", "//v2/acme/web/blobs/uploads/"),
]


@pytest.fixture
def browser(repository: Repository) -> Client:
    """One that remembers a Basic login of the owner."""
    hold(repository, b"{}")
    push(repository, image(b"{}"))
    return Client(headers=basic("acme-owner"), raise_request_exception=False)


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://testserver:81"},
        {"Origin": "http://[broken"},
        {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_page_of_another_site_writes_nowhere(
    browser: Client, method: str, path: str, headers: dict[str, str]
) -> None:
    response = browser.generic(method, "/", b"{}", "text/plain", headers=headers, PATH_INFO=path)

    assert response.status_code == 403
    assert "another site" in response.content.decode()
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://testserver"},
        {"Origin": "https://testserver"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
def test_programs_and_pages_of_its_own_write(browser: Client, headers: dict[str, str]) -> None:
    assert browser.post(UPLOADS, headers=headers).status_code == 202


def test_the_host_of_the_settings_is_its_own(browser: Client, settings: Settings) -> None:
    settings.SERVER_HOSTNAME = "registry.example:8443"

    own = {"Origin": "https://registry.example:8443"}
    assert browser.post(UPLOADS, headers=own).status_code == 202


def test_other_sites_may_send_what_only_reads(browser: Client) -> None:
    response = browser.get("/v2/", headers={"Origin": EVIL, "Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers


def test_with_an_origin_a_body_must_say_that_it_is_json(browser: Client) -> None:
    path = "/api/v1/repository/acme/web/tag/v2"
    body = b'{"manifest_digest": "%s"}' % str(Digest.of(image(b"{}"))).encode()
    own = {"Origin": "http://testserver"}

    assert browser.generic("PUT", path, body, "text/plain", headers=own).status_code == 415
    json_type = "application/json; charset=utf-8"
    assert browser.generic("PUT", path, body, json_type, headers=own).status_code == 201
    assert browser.delete(path, headers=own).status_code == 204


def test_without_the_setting_a_preflight_is_refused(client: Client) -> None:
    asks = {"Origin": UI, "Access-Control-Request-Method": "PUT"}
    response = client.options(UPLOADS, headers=asks)

    assert response.status_code == 405
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("path", [UPLOADS, "/v2/", "/api/v1/messages", "/helm/acme/index.yaml"])
def test_a_listed_site_is_let_in(client: Client, settings: Settings, path: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [UI]

    asks = {"Origin": UI, "Access-Control-Request-Method": "PUT"}
    response = client.options(path, headers=asks)

    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == UI
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "PUT" in response.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert response.headers["Vary"] == "Origin"


def test_a_listed_site_reads_refusals_and_writes(browser: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [UI]
    theirs = {"Origin": UI, "Sec-Fetch-Site": "cross-site"}

    refused = Client().get("/v2/", headers=theirs)
    opened = browser.post(UPLOADS, headers=theirs)

    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == UI
    assert "WWW-Authenticate" in refused.headers["Access-Control-Expose-Headers"]
    assert opened.status_code == 202
    assert "Docker-Upload-UUID" in opened.headers["Access-Control-Expose-Headers"]


def test_others_are_not_let_in_beside_a_listed_site(browser: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [UI]

    assert browser.post(UPLOADS, headers={"Origin": EVIL}).status_code == 403
    read = browser.get("/v2/", headers={"Origin": EVIL})
    assert "Access-Control-Allow-Origin" not in read.headers
    assert read.headers["Vary"] == "Origin"


def test_everybody_s_pages_read_without_a_login_and_write_nothing(
    browser: Client, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["*"]

    read = browser.get("/v2/", headers={"Origin": EVIL})
    assert read.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in read.headers
    assert browser.post(UPLOADS, headers={"Origin": EVIL}).status_code == 403


def test_pages_are_not_opened(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [UI]

    response = client.get("/account/login/", headers={"Origin": UI})

    assert "Access-Control-Allow-Origin" not in response.headers
