"""The status page, and what stands around every page."""

import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.credentials.models import SigningKey
from accounts.users.models import User
from registry.announcements.current import forget_announcements, refresh_announcements
from registry.announcements.models import Announcement
from registry.queue.models import Message
from registry.statistics.models import JobRun, LoggedError, ServerProcess
from tests.registry.builders import NOW, make_user
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    return make_user("boss", is_superuser=True)


@pytest.fixture(autouse=True)
def _nothing_announced() -> Iterator[None]:
    forget_announcements()
    yield
    forget_announcements()


def announce(text: str, *, starts: int | None = None, ends: int | None = None) -> None:
    def moment(minutes: int | None):  # type: ignore[no-untyped-def]
        return None if minutes is None else timezone.now() + timedelta(minutes=minutes)

    Announcement.objects.create(
        text=text,
        severity="warning",
        created_at=NOW,
        starts_at=moment(starts),
        ends_at=moment(ends),
    )
    refresh_announcements(now=timezone.now())


def test_the_status_is_for_administrators(boss: User) -> None:
    assert browser(boss).get("/status").status_code == 200
    assert browser(make_user("carol")).get("/status").status_code == 403
    answer = browser().get("/status")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/account/login/?next=%2Fstatus"


def test_a_registry_without_troubles_says_so(boss: User) -> None:
    text = browser(boss).get("/status").text

    assert "Nothing needs attention." in text
    assert settings.VERSION in text
    assert "all applied" in text
    assert "LocalStorage" in text


def test_jobs_show_how_they_went(boss: User) -> None:
    JobRun.objects.create(task="tags.sweep_expired", started_at=timezone.now(), runs=12, seconds=1)
    JobRun.objects.create(
        task="gc.collect",
        started_at=timezone.now(),
        runs=3,
        failures=1,
        has_failed=True,
        last_error="OSError: <b>no disk",
        last_error_at=timezone.now(),
    )
    JobRun.objects.create(
        task="storage.clean", started_at=timezone.now() - timedelta(days=3), runs=1
    )

    text = browser(boss).get("/status").text

    assert "These jobs failed the last time: collect garbage." in text
    assert "These jobs are late: clean the store." in text
    assert "OSError: &lt;b&gt;no disk" in text


def test_the_queue_is_counted(boss: User) -> None:
    for columns in ({}, {}, {"leased_until": 2**33}, {"is_parked": True}):
        Message.objects.create(queue="celery", body="{}", **columns)

    answer = browser(boss).get("/status")

    queue = answer.context["queue"]
    assert (queue.waiting, queue.leased, queue.parked) == (2, 1, 1)
    assert "1 jobs were given up" in answer.text


def test_the_latest_errors_and_the_processes_are_listed(boss: User) -> None:
    LoggedError.objects.create(
        fingerprint="f", logger="l", message="it <i>broke", first_at=NOW, last_at=NOW, count=41
    )
    ServerProcess.objects.create(
        name="host:17", kind="web", version="1", started_at=NOW, seen_at=timezone.now(), uploads=3
    )
    ServerProcess.objects.create(
        name="gone:18", kind="web", version="1", started_at=NOW, seen_at=NOW
    )

    text = browser(boss).get("/status").text

    assert "it &lt;i&gt;broke" in text
    assert "41" in text
    assert "host:17" in text
    assert "3 of 1024" in text
    assert "gone:18" not in text


@pytest.mark.parametrize(("ahead", "shown"), [(0.4, "right"), (-61.26, "-61.3 s ahead")])
def test_a_process_with_a_wrong_clock_is_seen(boss: User, ahead: float, shown: str) -> None:
    ServerProcess.objects.create(
        name="host:17",
        kind="jobs",
        version="1",
        started_at=NOW,
        seen_at=timezone.now(),
        clock_ahead_seconds=ahead,
    )

    assert shown in browser(boss).get("/status").text


def test_signing_keys_show_which_one_signs(boss: User) -> None:
    now = timezone.now()
    soon = now + timedelta(minutes=10)
    for kid, active_from, retired_at in (
        ("old", NOW, now - timedelta(minutes=1)),
        ("present", NOW, soon),
        ("next", soon, None),
    ):
        SigningKey.objects.create(
            kid=kid,
            private_key="",
            public_jwk="{}",
            created_at=NOW,
            active_from=active_from,
            retired_at=retired_at,
        )

    answer = browser(boss).get("/status")

    assert {key.kid: key.state for key in answer.context["keys"]} == {
        "old": "retired, still verifies",
        "present": "signs",
        "next": "published, signs soon",
    }


def test_the_number_of_queries_does_not_grow(boss: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser(boss).get("/status").status_code == 200
        return len(captured)

    before = queries()
    for number in range(30):
        JobRun.objects.create(task=f"t{number}", started_at=NOW)
        LoggedError.objects.create(
            fingerprint=str(number), logger="l", message="m", first_at=NOW, last_at=NOW
        )
    assert queries() == before


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]

    assert project["version"] == settings.VERSION
    assert f"Berth {settings.VERSION}" in Client().get("/help").text


def test_an_announcement_stands_on_every_page_without_a_query() -> None:
    with CaptureQueriesContext(connection) as before:
        Client().get("/help")
    announce("**Read-only** [plan](javascript:alert(1)) <script>x</script>")

    with CaptureQueriesContext(connection) as after:
        text = Client().get("/help").text

    assert "<strong>Read-only</strong>" in text
    assert "b-banner-warning" in text
    assert "<script>x" not in text
    assert 'href="javascript' not in text
    assert len(after) == len(before)


def test_announcements_come_and_go_at_their_time() -> None:
    announce("over", ends=-1)
    announce("later", starts=5)
    announce("present", starts=-5, ends=5)

    text = Client().get("/help").text

    assert "present" in text
    assert "<p>over</p>" not in text
    assert "<p>later</p>" not in text
