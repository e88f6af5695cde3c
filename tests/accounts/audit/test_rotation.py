"""Events past their time leave the audit trail."""

import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.audit import rotation
from accounts.audit.models import AuditEvent
from accounts.audit.rotation import rotate_log
from accounts.audit.services import record
from accounts.audit.tasks import rotate
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


def test_what_goes_is_archived_by_month(tmp_path: Path) -> None:
    old, older = event(40), event(80)

    rotate_log(now=NOW, older_than=MONTH, archive=tmp_path / "archive")

    found = {
        path.name: [json.loads(line) for line in path.read_text().splitlines()]
        for path in (tmp_path / "archive").iterdir()
    }
    assert found == {
        f"audit-{one.at:%Y-%m}.jsonl": [
            {
                "id": one.pk,
                "at": one.at.isoformat(),
                "actor": "ada",
                "action": "tag.move",
                "target": "acme/web:v1",
                "namespace": "acme",
                "repository": "acme/web",
                "address": "192.0.2.1",
                "detail": {"a": 1},
            }
        ]
        for one in (old, older)
    }


def test_an_archive_is_added_to(tmp_path: Path) -> None:
    event(40)
    rotate_log(now=NOW, older_than=MONTH, archive=tmp_path)
    event(40)
    rotate_log(now=NOW, older_than=MONTH, archive=tmp_path)

    (path,) = tmp_path.iterdir()
    assert len(path.read_text().splitlines()) == 2


def test_nobody_else_reads_an_archive(tmp_path: Path) -> None:
    event(40)
    rotate_log(now=NOW, older_than=MONTH, archive=tmp_path)

    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_what_cannot_be_archived_stays(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file, and no folder")
    event(40, "stays")

    with pytest.raises(OSError, match="archive"):
        rotate_log(now=NOW, older_than=MONTH, archive=tmp_path / "archive")
    assert targets() == {"stays"}


def test_a_line_of_the_archive_is_one_line_whatever_stood_in_the_event(tmp_path: Path) -> None:
    event(40, "a\nb\u2028c")
    rotate_log(now=NOW, older_than=MONTH, archive=tmp_path)

    (path,) = tmp_path.iterdir()
    assert len(path.read_text().splitlines()) == 1


def test_without_the_key_all_events_stay(settings: Any) -> None:
    event(4000, "stays")

    rotate()

    assert targets() == {"stays"}


def test_with_the_key_the_job_lets_events_go(settings: Any) -> None:
    settings.FEATURE_ACTION_LOG_ROTATION = True
    event(4000)

    rotate(a_newer_argument=1)

    assert targets() == set()


def test_the_job_archives_in_the_data_folder(settings: Any, tmp_path: Path) -> None:
    settings.FEATURE_ACTION_LOG_ROTATION = True
    settings.ACTION_LOG_ARCHIVE_PATH = "log-archive"
    settings.DATA_DIR = tmp_path
    event(4000)

    rotate()

    assert len(list((tmp_path / "log-archive").iterdir())) == 1


def test_a_time_below_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter than a day"):
        Configuration.model_validate({"ACTION_LOG_ROTATION_THRESHOLD": "1h"})
