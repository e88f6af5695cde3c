"""What each process does beside its work."""

import logging

import pytest
from celery import shared_task

from config.serving.rounds import _run
from registry.statistics.models import JobRun
from registry.statistics.tasks import survey_storage


@shared_task(name="tests.rounds.fails")
def fails() -> None:
    raise ValueError("no disk")


@pytest.mark.django_db(transaction=True)
def test_an_errand_that_fails_keeps_no_other_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[int] = []

    def breaks() -> None:
        raise ValueError("no database")

    with caplog.at_level(logging.WARNING):
        _run([lambda: done.append(1), breaks, lambda: done.append(2)])

    assert done == [1, 2]
    assert "breaks failed and is tried again" in caplog.text


@pytest.mark.django_db
def test_the_worker_notes_how_each_job_went() -> None:
    survey_storage.apply()
    fails.apply()

    fine = JobRun.objects.get(task="statistics.survey_storage")
    failed = JobRun.objects.get(task="tests.rounds.fails")
    assert (fine.runs, fine.has_failed) == (1, False)
    assert (failed.failures, failed.last_error) == (1, "ValueError: no disk")
