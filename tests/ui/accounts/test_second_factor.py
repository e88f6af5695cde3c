"""Second factors: setting them up, signing in with them, and no way around them."""

import json
import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.audit.models import AuditEvent
from accounts.credentials.services import authenticate, issue_application_token
from artifacts.oci.errors import Denied
from tests.registry.builders import NOW, PASSWORD, make_user
from tests.ui.accounts.test_accounts import sign_in, who

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_limits_from_before() -> None:
    cache.clear()


def code_for(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def confirm(client: Client) -> None:
    client.post("/account/reauthenticate/", {"password": PASSWORD})


def with_app(name: str = "alice") -> tuple[Client, str]:
    """A browser in which somebody has just set up an app, and the app's secret."""
    client = sign_in(name)
    confirm(client)
    page = client.get("/account/2fa/totp/activate/").content.decode()
    found = re.search(r'id="authenticator_secret" value="([A-Z2-7]+)"', page)
    assert found, page
    client.post("/account/2fa/totp/activate/", {"code": code_for(found.group(1))})
    return client, found.group(1)


def forget_used_codes() -> None:
    """A code works once; the tests use the one of this half minute again."""
    cache.clear()


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_setting_up_asks_for_the_password_first() -> None:
    make_user()

    answer = sign_in().get("/account/2fa/totp/activate/")

    assert answer.headers["Location"].startswith("/account/reauthenticate/")


def test_an_app_is_set_up_with_recovery_codes_and_noted(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    user = make_user()

    with django_capture_on_commit_callbacks(execute=True):
        client, _ = with_app()

    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    assert kinds == {"totp", "recovery_codes"}
    assert "user.second-factor.add" in actions()
    assert "Signing in asks for a code" in client.get("/account/2fa/").content.decode()


def test_the_secret_is_encrypted_at_rest() -> None:
    make_user()

    _, secret = with_app()

    kept = "".join(str(row.data) for row in Authenticator.objects.all())
    assert secret not in kept


def test_a_wrong_code_sets_nothing_up() -> None:
    make_user()
    client = sign_in()
    confirm(client)
    client.get("/account/2fa/totp/activate/")

    answer = client.post("/account/2fa/totp/activate/", {"code": "abcdef"})

    assert "This code is wrong" in answer.content.decode()
    assert not Authenticator.objects.exists()


def test_signing_in_needs_the_code_as_well() -> None:
    make_user()
    _, secret = with_app()
    forget_used_codes()

    client = sign_in()
    assert who(client) == ""
    client.post("/account/2fa/authenticate/", {"code": code_for(secret)})

    assert who(client) == "alice"


def test_a_recovery_code_signs_in_once() -> None:
    make_user()
    browser, _ = with_app()
    page = browser.get("/account/2fa/recovery-codes/").content.decode()
    found = re.search(r"<textarea[^>]*>([^<]+)", page)
    assert found
    code = found.group(1).split()[0]

    first, second = sign_in(), sign_in()
    first.post("/account/2fa/authenticate/", {"code": code})
    second.post("/account/2fa/authenticate/", {"code": code})

    assert (who(first), who(second)) == ("alice", "")


def test_guessing_codes_is_slowed_even_for_the_right_one() -> None:
    make_user()
    _, secret = with_app()
    forget_used_codes()
    for _ in range(5):
        sign_in().post("/account/2fa/authenticate/", {"code": "000000"})

    client = sign_in()
    answer = client.post("/account/2fa/authenticate/", {"code": code_for(secret)})

    assert "Too many failed logins" in answer.content.decode()
    assert who(client) == ""
    assert actions().count("user.second-factor.fail") == 5


def test_guessing_the_codes_of_one_account_slows_no_other() -> None:
    make_user()
    make_user("bob")
    with_app()
    _, secret = with_app("bob")
    forget_used_codes()
    for _ in range(5):
        sign_in().post("/account/2fa/authenticate/", {"code": "000000"})

    client = sign_in("bob")
    client.post("/account/2fa/authenticate/", {"code": code_for(secret)})

    assert who(client) == "bob"


def test_no_code_is_right_once_the_key_of_the_configuration_has_changed(
    settings: Settings,
) -> None:
    make_user()
    _, secret = with_app()
    forget_used_codes()
    settings.SECRET_KEY = "another-key-0123456789-0123456789-0123456789-0123"

    for guess in (code_for(secret), code_for("")):
        client = sign_in()
        client.post("/account/2fa/authenticate/", {"code": guess})
        assert who(client) == ""


def test_turning_the_app_off_is_noted() -> None:
    make_user()
    client, _ = with_app()

    client.post("/account/2fa/totp/deactivate/")

    assert not Authenticator.objects.exists()
    assert "user.second-factor.remove" in actions()


def test_the_password_alone_no_longer_logs_in_a_client() -> None:
    make_user()
    with_app()

    with pytest.raises(Denied, match=r"log in as \$app with an application token"):
        authenticate(username="alice", password=PASSWORD, address="", now=NOW)


def test_a_wrong_password_is_not_told_that_there_is_a_second_factor() -> None:
    make_user()
    with_app()

    answer = Client().get("/v2/auth", headers={"Authorization": "Basic YWxpY2U6d3Jvbmc="})

    assert answer.status_code == 401
    assert "second factor" not in answer.content.decode()


def test_application_tokens_log_in_beside_a_second_factor() -> None:
    user = make_user()
    with_app()
    secret = issue_application_token(user=user, title="ci", scope="write", expires_at=None, now=NOW)

    principal = authenticate(username="$app", password=secret, address="", now=NOW)

    assert principal.name == "alice"


def test_the_administration_cannot_be_entered_without_the_code() -> None:
    make_user(is_superuser=True)
    with_app()

    client = sign_in()
    client.post("/admin/login/", {"username": "alice", "password": PASSWORD})

    assert client.get("/admin/").status_code == 302
    assert who(client) == ""


def test_passkeys_can_be_added_where_the_browser_knows_them() -> None:
    make_user()
    client = sign_in()
    confirm(client)

    page = client.get("/account/2fa/webauthn/add/").content.decode()

    found = re.search(r'<script id="js_data" type="application/json">(.+?)</script>', page)
    assert found
    options = json.loads(found.group(1))["creation_options"]["publicKey"]
    assert options["rp"] == {"name": "Berth testserver", "id": "testserver"}
    assert options["user"]["name"] == "alice"
    assert "/static/mfa/js/webauthn.js" in page


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_every_page_of_the_second_factor_has_our_frame(name: str) -> None:
    make_user()
    make_user("bob")
    client, _ = with_app("alice")
    if name == "bob":
        client = sign_in("bob")
        confirm(client)

    for page in (
        "",
        "totp/activate/",
        "totp/deactivate/",
        "recovery-codes/",
        "recovery-codes/generate/",
        "webauthn/",
        "webauthn/add/",
        "reauthenticate/",
    ):
        answer = client.get(f"/account/2fa/{page}", follow=True)
        text = answer.content.decode()
        has_none = name == "bob" and page in {"totp/deactivate/", "recovery-codes/"}
        assert answer.status_code == (404 if has_none else 200), page
        assert 'class="b-bar"' in text, page
        assert text.count("<h1") == 1, page
        assert "style=" not in text, page
