"""The registry as a whole, as superusers and scripts ask for it."""

import pytest
from django.test import Client

from accounts.organizations.models import TeamMember
from tests.registry.api.management.asking import ask, token
from tests.registry.builders import hold, make_organization, make_repository, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser() -> Client:
    user = make_user("root1", is_superuser=True)
    return Client(headers=token(user), raise_request_exception=False)


def test_the_size_is_that_of_all_blobs(superuser: Client) -> None:
    hold(make_repository("acme/web"), b"12345")

    assert ask(superuser, "GET", "/superuser/registrysize/")[1]["size_bytes"] == 5


def test_settings_are_told_without_secrets(superuser: Client) -> None:
    config = ask(superuser, "GET", "/superuser/config")[1]["config"]

    assert config["REGISTRY_STATE"] == "normal"
    assert not {"SECRET_KEY", "DB_URI", "MAIL_PASSWORD", "METRICS_TOKEN"} & set(config)


def test_what_anybody_may_know_of_the_settings_is_beside_the_api() -> None:
    said = Client().get("/config").json()

    assert said["config"]["AUTHENTICATION_TYPE"] == "Database"
    assert said["features"]["MAILING"] is False
    assert "DISTRIBUTED_STORAGE_CONFIG" not in said["config"]


def test_a_superuser_can_come_to_own_an_organization(superuser: Client) -> None:
    make_organization("acme")

    assert ask(superuser, "POST", "/superuser/takeownership/acme") == (200, {"namespace": "acme"})
    assert TeamMember.objects.filter(user__username="root1", team__name="owners").exists()


@pytest.mark.parametrize(("namespace", "status"), [("bob", 400), ("nobody", 404)])
def test_nobody_comes_to_own_a_person(superuser: Client, namespace: str, status: int) -> None:
    make_user("bob")

    assert ask(superuser, "POST", f"/superuser/takeownership/{namespace}")[0] == status


def test_a_signing_key_is_told_without_its_private_half(superuser: Client) -> None:
    Client().get("/.well-known/jwks.json")

    keys = ask(superuser, "GET", "/superuser/keys")[1]["keys"]
    assert all({"kty", "n", "e"} <= set(key["jwk"]) and "d" not in key["jwk"] for key in keys)


def test_application_tokens_of_everybody_are_told_with_their_owners(superuser: Client) -> None:
    make_user("bob")
    token("bob")

    tokens = ask(superuser, "GET", "/superuser/apptokens")[1]["tokens"]
    assert [one["user"] for one in tokens] == ["root1", "bob"]
