"""How jobs went, which processes live, and what the log said."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError

from registry.statistics import errors
from registry.statistics.errors import ErrorMemory, flush_errors, forget_errors, safe_text
from registry.statistics.jobs import note_collection, note_run
from registry.statistics.models import CollectionReport, JobRun, LoggedError, ServerProcess
from registry.statistics.processes import Presence, note_alive, note_end
from tests.registry.builders import NOW

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    forget_errors()
    logger = logging.Logger("berth.tests")
    logger.addHandler(ErrorMemory(level=logging.ERROR))
    yield logger
    forget_errors()


def test_runs_of_a_job_are_counted_in_one_row() -> None:
    for number in range(3):
        note_run(task="x.y", started_at=NOW + number * SECOND, lasted=2 * SECOND)

    run = JobRun.objects.get()
    assert (run.runs, run.failures, run.has_failed, run.seconds) == (3, 0, False, 2.0)
    assert run.started_at == NOW + 2 * SECOND


def test_an_error_stays_to_be_seen_after_the_job_went_well_again() -> None:
    note_run(task="x.y", started_at=NOW, lasted=SECOND, error=ValueError("no disk"))
    note_run(task="x.y", started_at=NOW + SECOND, lasted=SECOND)

    run = JobRun.objects.get()
    assert (run.runs, run.failures, run.has_failed) == (2, 1, False)
    assert run.last_error == "ValueError: no disk"
    assert run.last_error_at == NOW + SECOND


def test_a_collection_that_found_nothing_leaves_the_last_report_alone() -> None:
    note_collection(task="gc.collect", now=NOW, freed_bytes=7, lines=["a", "b"], problems=["p"])
    note_collection(task="gc.collect", now=NOW + SECOND, freed_bytes=0, lines=[], problems=[])

    report = CollectionReport.objects.get()
    assert (report.at, report.freed_bytes, report.lines, report.problems) == (NOW, 7, "a\nb", "p")


def test_equal_errors_are_one_row_that_counts(log: logging.Logger) -> None:
    for number in range(3):
        try:
            _fail(number)
        except ValueError:
            log.exception("could not do %s", "it")
    for _ in range(2):
        log.error("another")
        log.warning("no error")
        flush_errors()

    first, other = LoggedError.objects.order_by("-count")
    assert (first.count, first.message) == (3, "could not do it: ValueError: number 2")
    assert first.place.startswith("tests.registry.statistics.test_jobs:")
    assert (other.count, other.message) == (2, "another")


def test_errors_wait_in_memory_while_the_database_does_not_answer(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise DatabaseError("gone")

    with monkeypatch.context() as patched:
        patched.setattr("accounts.statements.execute", fail)
        log.error("no database")
        assert flush_errors() == 0
    for _ in range(2):
        log.handle(log.makeRecord("berth.tests", 40, "other.py", 1, "more", (), None))

    assert flush_errors() == 2
    assert sorted(LoggedError.objects.values_list("message", "count")) == [
        ("more", 2),
        ("no database", 1),
    ]


def test_an_error_that_waited_and_comes_again_is_counted_once_for_each_time(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise DatabaseError("gone")

    log.handle(log.makeRecord("berth.tests", 40, "here.py", 1, "again", (), None))
    with monkeypatch.context() as patched:
        patched.setattr("accounts.statements.execute", fail)
        flush_errors()
        log.handle(log.makeRecord("berth.tests", 40, "here.py", 1, "again", (), None))
        flush_errors()
    flush_errors()

    assert LoggedError.objects.get(message="again").count == 2


def _fail(number: int) -> None:
    raise ValueError(f"number {number}\nwith more")


def test_rows_and_memory_are_bounded(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "MAX_ROWS", 5)
    monkeypatch.setattr(errors, "MAX_IN_MEMORY", 4)
    for round_ in range(3):
        for number in range(6):
            log.handle(log.makeRecord("n", 40, "f", number, f"m{round_}", (), None))
        flush_errors()

    assert LoggedError.objects.count() == 5


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("cannot reach postgresql://berth:hunter2@db/x", "db/x", "hunter2"),
        ("header Authorization: Bearer abc.def-g refused", "refused", "abc.def"),
        ("password=hunter2 was wrong", "was wrong", "hunter2"),
        ('{"token": "s3cr3t", "n": 1}', '"n": 1', "s3cr3t"),
        ("nul \x00 byte", "byte", "\x00"),
    ],
)
def test_what_looks_like_a_secret_is_left_out(text: str, kept: str, gone: str) -> None:
    safe = safe_text(text)

    assert kept in safe
    assert gone not in safe


def test_processes_are_there_until_they_say_goodbye_or_are_silent() -> None:
    web = Presence("host:1", "web", "0.1.0", NOW)
    killed = Presence("host:2", "web", "0.1.0", NOW)
    for presence in (web, killed):
        note_alive(presence, now=NOW)
    note_alive(web, now=NOW + timedelta(minutes=5))

    assert [process.name for process in ServerProcess.objects.all()] == ["host:1"]
    note_end(web)
    assert not ServerProcess.objects.exists()
