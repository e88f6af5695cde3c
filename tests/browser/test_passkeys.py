"""Passkeys, with the authenticator that Chromium plays itself."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.harbour import Harbour
from tests.browser.stories import PASSWORD, Person
from tests.browser.windows import Window
from tests.clients.conftest import home
from tests.clients.run import Home

__all__ = ["home"]

# Built in, with a finger that is always there.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def person(browser: Browser, harbour: Harbour, home: Home) -> Person:
    # A passkey belongs to a host name, and an address is none.
    window = Window(browser, harbour.url.replace("127.0.0.1", "localhost"))
    return Person("pia", window, harbour, home)


def test_a_passkey_signs_in_without_a_password(person: Person) -> None:
    with person.window as window:
        authenticator = window.context.new_cdp_session(window.page)
        authenticator.send("WebAuthn.enable")
        authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        person.sign_up()
        _add_passkey(person)

        window.context.clear_cookies()
        window.goto("/account/login/")
        person.press("Sign in with a passkey")

        expect(window.page.get_by_role("main")).to_contain_text("Welcome, pia")


def _add_passkey(person: Person) -> None:
    person.window.goto("/account/2fa/webauthn/add/")
    if person.page.locator("main input[name=password]").count():
        person.page.locator("main input[name=password]").fill(PASSWORD)
        person.press("Confirm")
    person.page.locator("main input[name=name]").fill("laptop")
    person.page.locator("main input[name=passwordless]").check()
    person.press("Add")
    person.page.wait_for_url("**/account/2fa/recovery-codes/**")
