"""``reseal`` takes what a former SECRET_KEY encrypted along to the present one."""

from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from django.core.management import call_command
from pytest_django import Settings

from accounts.credentials.keys import forget_cached_keys, signing_key
from registry.events.models import Hook
from registry.events.secrets import Secrets
from tests.registry.builders import NOW, make_user

OLD = "the key of before, fifty characters long and more"
NEW = "the key of now, which is as long as that of before"


@pytest.fixture
def change_key(settings: Settings) -> Callable[[], None]:
    """Change SECRET_KEY, reseal, and forget the old one."""
    settings.SECRET_KEY = OLD
    forget_cached_keys()

    def change() -> None:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
        call_command("reseal")
        settings.SECRET_KEY_FALLBACKS = []

    return change


@pytest.mark.django_db
def test_the_signing_key_stays(change_key: Callable[[], None]) -> None:
    before = signing_key(now=NOW).kid
    change_key()

    assert signing_key(now=NOW).kid == before


@pytest.mark.django_db
def test_secrets_of_hooks_stay(change_key: Callable[[], None]) -> None:
    hook = Hook.objects.create(sealed=Secrets("a secret").seal(), created_at=NOW)
    change_key()

    hook.refresh_from_db()
    assert Secrets.unseal(hook.sealed).secret == "a secret"


@pytest.mark.django_db
def test_an_authenticator_app_goes_on_making_right_codes(change_key: Callable[[], None]) -> None:
    TOTP.activate(make_user(), "JBSWY3DPEHPK3PXP")
    change_key()

    assert decrypt(Authenticator.objects.get().data["secret"]) == "JBSWY3DPEHPK3PXP"


@pytest.mark.django_db
def test_recovery_codes_stay(change_key: Callable[[], None]) -> None:
    codes = RecoveryCodes.activate(make_user()).generate_codes()
    change_key()

    assert RecoveryCodes(Authenticator.objects.get()).generate_codes() == codes


@pytest.mark.django_db
def test_what_no_key_opens_is_named(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SECRET_KEY = OLD
    forget_cached_keys()
    kid = signing_key(now=NOW).kid
    settings.SECRET_KEY = NEW

    with pytest.raises(SystemExit):
        call_command("reseal")
    assert capsys.readouterr().err == (
        f"signing key {kid}: neither SECRET_KEY nor SECRET_KEY_FALLBACKS opens it.\n"
    )
