"""Settings that administrators change while Berth runs."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from accounts.users.models import AccessEpoch
from accounts.users.services import bump_access_epoch
from config.administration import runtime
from config.administration.models import Setting, SettingsVersion
from config.administration.runtime import (
    SettingRefused,
    change_setting,
    effective,
    follow_settings,
    forget_followed,
    reset_setting,
    stored,
)
from config.keys.configuration import CHANGEABLE, SECRET_KEYS
from config.keys.loading import load_configuration
from tests.registry.builders import NOW

pytestmark = pytest.mark.django_db

BOSS = Actor("boss", "192.0.2.1")


@pytest.fixture(autouse=True)
def _as_at_the_start(db: None) -> Iterator[None]:
    yield
    forget_followed()


def change(key: str, value: object) -> None:
    change_setting(key=key, value=value, now=NOW, by=BOSS)


def put(key: str, value_json: str) -> None:
    """A row as a careless hand might write it."""
    Setting.objects.create(key=key, value_json=value_json, changed_at=NOW, changed_by="x")
    SettingsVersion.objects.update_or_create(pk=1, defaults={"number": 1000})


def test_a_change_holds_in_a_process_that_looks() -> None:
    change("V2_PAGINATION_SIZE", 7)
    change("MAXIMUM_MANIFEST_SIZE", "1M")

    follow_settings()

    assert settings.BERTH.V2_PAGINATION_SIZE == 7
    assert settings.BERTH.maximum_manifest_bytes == 1024**2


def test_what_is_taken_back_is_the_default_again() -> None:
    change("V2_PAGINATION_SIZE", 7)
    follow_settings()

    reset_setting(key="V2_PAGINATION_SIZE", now=NOW, by=BOSS)
    follow_settings()

    assert settings.BERTH.V2_PAGINATION_SIZE == 1000


def test_to_look_costs_one_query_while_nothing_changes() -> None:
    change("V2_PAGINATION_SIZE", 7)
    follow_settings()

    with CaptureQueriesContext(connection) as captured:
        follow_settings()

    assert len(captured) == 1


def test_changes_are_audited_and_make_remembered_decisions_void() -> None:
    bump_access_epoch()
    before = AccessEpoch.objects.get().value

    change("FEATURE_ANONYMOUS_ACCESS", False)
    changed = AccessEpoch.objects.get().value
    follow_settings()
    reset_setting(key="FEATURE_ANONYMOUS_ACCESS", now=NOW, by=BOSS)

    first, second = AuditEvent.objects.filter(target="FEATURE_ANONYMOUS_ACCESS").order_by("pk")
    assert (first.action, first.actor, first.facts) == (
        "setting.change",
        "boss",
        {"value": "false"},
    )
    assert second.action == "setting.reset"
    assert (first.namespace, first.repository) == ("", "")
    # Once with the change, and again when this process follows it.
    assert before < changed < AccessEpoch.objects.get().value


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("DB_URI", "sqlite:///x", "cannot be changed while Berth runs"),
        ("NO_SUCH_KEY", 1, "cannot be changed while Berth runs"),
        ("V2_PAGINATION_SIZE", "many", "expected a whole number"),
        ("V2_PAGINATION_SIZE", 0, "at least 1"),
        ("MAXIMUM_MANIFEST_SIZE", "900G", "is larger than MAXIMUM_LAYER_SIZE"),
        ("LOG_LEVEL", "LOUD", "'DEBUG', 'INFO'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(key: str, value: object, said: str) -> None:
    with pytest.raises(SettingRefused, match=said):
        change(key, value)

    assert not Setting.objects.exists()
    assert not SettingsVersion.objects.exists()


def test_environment_and_file_count_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text("V2_PAGINATION_SIZE: 50\n")
    base = load_configuration({"BERTH_DATA": str(tmp_path), "BERTH_FEATURE_PUBLIC_CATALOG": "true"})
    put("V2_PAGINATION_SIZE", "7")
    put("FEATURE_PUBLIC_CATALOG", "false")
    put("TOKEN_LIFETIME_SECONDS", "120")

    found = effective(base, stored())

    assert found.configuration.V2_PAGINATION_SIZE == 50
    assert found.configuration.FEATURE_PUBLIC_CATALOG is True
    assert found.configuration.TOKEN_LIFETIME_SECONDS == 120
    assert found.from_admin == {"TOKEN_LIFETIME_SECONDS"}
    assert "the file sets it" in found.problems["V2_PAGINATION_SIZE"]
    monkeypatch.setattr(runtime, "loaded", lambda: base)
    with pytest.raises(SettingRefused, match="is set in the environment"):
        change("FEATURE_PUBLIC_CATALOG", False)


def test_keys_that_need_each_other_are_tried_together() -> None:
    put("LABELED_EXPIRATION_MINIMUM", '"200w"')
    put("LABELED_EXPIRATION_MAXIMUM", '"300w"')

    found = effective(runtime.loaded(), stored())

    assert not found.problems
    assert found.configuration.LABELED_EXPIRATION_MINIMUM == "200w"


def test_a_broken_row_is_left_out_and_the_others_hold(caplog: pytest.LogCaptureFixture) -> None:
    put("V2_PAGINATION_SIZE", "7")
    put("TOKEN_LIFETIME_SECONDS", '"soon"')
    put("DEFAULT_TAG_EXPIRATION", "{broken")
    put("SECRET_KEY", '"x"')

    with caplog.at_level(logging.WARNING):
        follow_settings()

    assert settings.BERTH.V2_PAGINATION_SIZE == 7
    assert settings.BERTH.TOKEN_LIFETIME_SECONDS == 900
    assert settings.BERTH.DEFAULT_TAG_EXPIRATION == "2w"
    for key in ("TOKEN_LIFETIME_SECONDS", "DEFAULT_TAG_EXPIRATION", "SECRET_KEY"):
        assert key in caplog.text


def test_the_level_of_the_log_follows() -> None:
    before = logging.getLogger().level
    try:
        change("LOG_LEVEL", "ERROR")
        follow_settings()
        assert logging.getLogger("django").level == logging.ERROR
    finally:
        logging.getLogger().setLevel(before)


def test_no_secret_can_change_while_berth_runs() -> None:
    assert not SECRET_KEYS & set(CHANGEABLE)


def test_check_config_shows_what_administrators_set(capsys: pytest.CaptureFixture[str]) -> None:
    change("V2_PAGINATION_SIZE", 7)
    put("TOKEN_LIFETIME_SECONDS", '"soon"')

    call_command("check_config")

    shown = capsys.readouterr().out
    assert "V2_PAGINATION_SIZE = 7  [admin]" in shown
    assert "TOKEN_LIFETIME_SECONDS = 900  [default]" in shown
    assert "warning: admin: TOKEN_LIFETIME_SECONDS is left out: " in shown
