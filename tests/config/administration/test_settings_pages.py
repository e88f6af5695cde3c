"""Settings among the pages about the registry."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.audit.services import SYSTEM
from config.administration.controls import UNITS, YamlField, control_of
from config.administration.models import Setting
from config.administration.runtime import change_setting, follow_settings, forget_followed
from config.administration.shown import GROUPS
from config.keys.configuration import CHANGEABLE, Configuration
from tests.registry.builders import NOW, make_user
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def page() -> Client:
    return browser(make_user("boss", is_superuser=True))


@pytest.fixture(autouse=True)
def _as_at_the_start(db: None) -> Iterator[None]:
    yield
    forget_followed()


def test_each_key_is_in_one_group() -> None:
    grouped = [key for keys in GROUPS.values() for key in keys]

    assert sorted(grouped) == sorted(Configuration.model_fields)


def test_each_number_has_its_unit() -> None:
    numbers = {key for key in CHANGEABLE if Configuration.model_fields[key].annotation is int}

    assert numbers == set(UNITS)


def test_only_what_has_parts_is_written_as_yaml() -> None:
    written = {key for key in CHANGEABLE if isinstance(control_of(key), YamlField)}

    assert written == {"ALLOWED_OCI_ARTIFACT_TYPES", "DEFAULT_NAMESPACE_AUTOPRUNE_POLICY"}


@pytest.mark.parametrize(
    ("key", "sent", "held"),
    [
        ("FEATURE_USER_CREATION", {"value": "true"}, True),
        ("FEATURE_USER_CREATION", {"value": ""}, None),
        ("FEATURE_AUTO_PRUNE", {"value": "false"}, False),
        ("V2_PAGINATION_SIZE", {"value": "50"}, 50),
        ("DEFAULT_TAG_EXPIRATION", {"value_number": "3", "value_unit": "d"}, "3d"),
        ("MAXIMUM_MANIFEST_SIZE", {"value_number": "8", "value_unit": "M"}, "8M"),
        ("REGISTRY_STATE", {"value": "readonly"}, "readonly"),
        ("LOG_LEVEL", {"value": "WARNING"}, "WARNING"),
        ("TAG_EXPIRATION_OPTIONS", {"value": "1d\r\n\r\n 2w "}, ["1d", "2w"]),
        ("ALLOWED_OCI_ARTIFACT_TYPES", {"value": "builtin"}, "builtin"),
    ],
)
def test_each_control_changes_its_setting(
    page: Client, key: str, sent: dict[str, str], held: Any
) -> None:
    page.post(f"/system/settings/{key}", sent)

    assert Setting.objects.get(key=key).value == held


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("FEATURE_AUTO_PRUNE", {"value": ""}),
        ("FEATURE_AUTO_PRUNE", {"value": "perhaps"}),
        ("V2_PAGINATION_SIZE", {"value": "0"}),
        ("V2_PAGINATION_SIZE", {"value": "many"}),
        ("DEFAULT_TAG_EXPIRATION", {"value_number": "3", "value_unit": "z"}),
        ("DEFAULT_TAG_EXPIRATION", {"value_number": "", "value_unit": "d"}),
        ("MAXIMUM_MANIFEST_SIZE", {"value_number": "9999", "value_unit": "G"}),
        ("REGISTRY_STATE", {"value": "gone"}),
        ("TAG_EXPIRATION_OPTIONS", {"value": "soon"}),
        ("ALLOWED_OCI_ARTIFACT_TYPES", {"value": "{"}),
    ],
)
def test_what_a_setting_cannot_be_is_told_beside_its_control(
    page: Client, key: str, sent: dict[str, str]
) -> None:
    answer = page.post(f"/system/settings/{key}", sent)

    assert answer.context["form"].errors["value"]


@pytest.mark.parametrize("key", sorted(CHANGEABLE))
def test_each_control_shows_what_holds(page: Client, key: str) -> None:
    control = page.get(f"/system/settings/{key}").context["form"]["value"]

    assert control.as_widget()


def test_a_default_comes_back(page: Client) -> None:
    change_setting(key="V2_PAGINATION_SIZE", value=50, now=NOW, by=SYSTEM)

    page.post("/system/settings/V2_PAGINATION_SIZE", {"reset": "yes"})

    assert not Setting.objects.exists()


def test_what_is_fixed_says_where_it_is_set(page: Client) -> None:
    shown = page.get("/system/settings/SERVER_HOSTNAME").content.decode()

    assert "cannot be changed while Berth runs" in shown


def test_what_is_fixed_stays(page: Client) -> None:
    page.post("/system/settings/SERVER_HOSTNAME", {"value": "elsewhere"})

    assert not Setting.objects.exists()


def test_no_secret_is_shown(page: Client) -> None:
    for path in ("/system/settings", "/system/settings/SECRET_KEY"):
        assert settings.SECRET_KEY not in page.get(path).content.decode()


@pytest.mark.parametrize(("text", "found"), [("undelete", 1), ("PAGINATION", 1), ("lighthouse", 0)])
def test_settings_are_found_by_name_and_meaning(page: Client, text: str, found: int) -> None:
    shown = page.get("/system/settings", {"q": text}).context["groups"]

    assert sum(len(rows) for _, rows in shown) == found


def test_a_switch_turns_over_in_the_list(page: Client) -> None:
    shown = page.get("/system/settings?q=FEATURE_AUTO_PRUNE").content.decode()

    assert 'aria-checked="true" aria-label="FEATURE_AUTO_PRUNE" name="value" value="false"' in shown


@pytest.mark.django_db(transaction=True)
def test_read_only_is_taken_back_here(page: Client) -> None:
    change_setting(key="REGISTRY_STATE", value="readonly", now=NOW, by=SYSTEM)
    follow_settings()

    page.post("/system/settings/REGISTRY_STATE", {"value": "normal"})

    assert not settings.BERTH.is_read_only


def test_set_up_offers_the_switch_of_sign_up(page: Client) -> None:
    shown = page.get("/setup").content.decode()

    assert 'aria-labelledby="sign-up" name="value" value="true"' in shown
