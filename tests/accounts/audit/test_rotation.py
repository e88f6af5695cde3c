"""Events past their time leave the audit trail."""

from datetime import timedelta

import pytest

from accounts.audit import rotation
from accounts.audit.models import AuditEvent
from accounts.audit.rotation import rotate_log
from accounts.audit.services import record
from config.keys.configuration import Configuration
from tests.registry.builders import NOW

pytestmark = pytest.mark.django_db

MONTH = timedelta(days=30)


def event(days_ago: int, target: str = "acme/web:v1") -> AuditEvent:
    at = NOW - timedelta(days=days_ago)
    return record(actor="ada", action="tag.move", target=target, now=at, address="192.0.2.1", a=1)


def targets() -> set[str]:
    return set(AuditEvent.objects.values_list("target", flat=True))


def test_events_past_their_time_go() -> None:
    event(31)

    assert rotate_log(now=NOW, older_than=MONTH, archive=None) == 1
    assert targets() == set()


def test_events_within_their_time_stay() -> None:
    event(30, "stays")

    assert rotate_log(now=NOW, older_than=MONTH, archive=None) == 0
    assert targets() == {"stays"}


def test_only_so_many_go_at_once_and_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH_ROWS", 2)
    for days in (40, 60, 50):
        event(days, f"from-{days}")

    assert rotate_log(now=NOW, older_than=MONTH, archive=None) == 2
    assert targets() == {"from-40"}


def test_a_time_below_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter than a day"):
        Configuration.model_validate({"ACTION_LOG_ROTATION_THRESHOLD": "1h"})


def archived(location: str, path: str = "") -> Configuration:
    return Configuration.model_validate(
        {"ACTION_LOG_ARCHIVE_LOCATION": location, "ACTION_LOG_ARCHIVE_PATH": path}
    )


def test_an_archive_in_a_store_that_is_not_configured_is_refused() -> None:
    with pytest.raises(ValueError, match="which DISTRIBUTED_STORAGE_CONFIG does not have"):
        archived("elsewhere")


@pytest.mark.parametrize("path", ["blobs", "uploads/log", "../log", "/srv/log", "a//b", "a/../b"])
def test_an_archive_outside_a_folder_of_its_own_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no folder of a store"):
        archived("default", path)


@pytest.mark.parametrize("path", ["", "archives/audit", "log"])
def test_an_archive_in_a_folder_of_a_store_is_right(path: str) -> None:
    assert archived("default", path).ACTION_LOG_ARCHIVE_LOCATION == "default"
