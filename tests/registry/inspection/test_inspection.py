"""Inspection: never in the way of a push, and made up for when it could not be done."""

import itertools
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from artifacts.kinds.kinds import Kind
from artifacts.oci.digest import Digest
from registry.blobs.models import Blob
from registry.charts.models import ChartVersion
from registry.charts.services import read_chart
from registry.inspection import services, tasks
from registry.inspection.models import Attempt
from registry.inspection.services import inspect_soon
from registry.inspection.tasks import LEASE, MAX_ATTEMPTS, MAX_PAUSE, inspect, inspect_batch
from registry.manifests.models import INSPECTED, Manifest
from registry.repositories.models import Repository
from tests.registry.builders import NOW, hold, image, make_repository, push
from tests.registry.charts.builders import chart_archive, chart_config, chart_manifest

pytestmark = pytest.mark.django_db


@pytest.fixture
def etherpad() -> Repository:
    return make_repository("acme/etherpad")


def uninspected(repository: Repository, version: str = "0.0.4") -> Manifest:
    """A chart as a push leaves it when the process ends right after."""
    content, config = chart_archive(version=version), chart_config(version=version)
    hold(repository, content, config)
    return push(repository, chart_manifest(content, config), version)


def test_a_defect_is_logged_and_leaves_the_manifest_for_another_try(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = uninspected(etherpad)

    def defect(**_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(services, "READERS", {Kind.HELM_CHART: defect})
    with caplog.at_level(logging.ERROR):
        inspect(manifest=manifest, now=NOW)

    manifest.refresh_from_db()
    assert manifest.inspected_at is None
    assert manifest.digest in caplog.text
    assert "a defect" in caplog.text


def test_bytes_that_cannot_be_had_leave_the_manifest_for_another_try(etherpad: Repository) -> None:
    manifest = uninspected(etherpad)
    archive = Blob.objects.filter(pk=str(Digest.of(chart_archive())))
    archive.update(missing_at=NOW)

    inspect(manifest=manifest, now=NOW)
    manifest.refresh_from_db()
    assert manifest.inspected_at is None
    assert not ChartVersion.objects.exists()

    archive.update(missing_at=None)
    later = NOW + timedelta(hours=1)
    inspect(manifest=manifest, now=later)
    manifest.refresh_from_db()
    assert manifest.inspected_at == later
    assert ChartVersion.objects.get().name == "etherpad"


def test_the_sweep_reads_what_no_push_did(etherpad: Repository) -> None:
    manifests = [uninspected(etherpad, f"1.{n}.0") for n in range(3)]

    tasks.inspect_pending()

    assert ChartVersion.objects.count() == 3
    for manifest in manifests:
        manifest.refresh_from_db()
        assert manifest.inspected_at is not None


def test_a_batch_says_where_the_next_begins(etherpad: Repository) -> None:
    first, second, third = (uninspected(etherpad, f"1.{n}.0") for n in range(3))

    assert inspect_batch(after=0, limit=2, now=NOW) == second.pk
    assert inspect_batch(after=second.pk, limit=2, now=NOW) is None

    assert set(ChartVersion.objects.values_list("manifest", flat=True)) == {
        first.pk,
        second.pk,
        third.pk,
    }


def test_what_cannot_be_inspected_keeps_nobody_waiting(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = uninspected(etherpad, "1.0.0")
    uninspected(etherpad, "2.0.0")
    Blob.objects.filter(pk=str(Digest.of(chart_archive(version="1.0.0")))).update(missing_at=NOW)
    monkeypatch.setattr(tasks, "BATCH_ROWS", 1)
    sent: list[int] = []
    monkeypatch.setattr(tasks.inspect_pending, "delay", lambda *, after: sent.append(after))

    tasks.inspect_pending()
    assert sent == [broken.pk]
    tasks.inspect_pending(after=sent.pop())

    assert [chart.version for chart in ChartVersion.objects.all()] == ["2.0.0"]


def test_images_and_deleted_charts_are_not_looked_into(etherpad: Repository) -> None:
    hold(etherpad, b"{}", b"layer")
    push(etherpad, image(b"{}", b"layer"), "image")
    uninspected(etherpad)
    Manifest.objects.filter(kind=Kind.HELM_CHART).update(deleted_at=NOW)

    inspect_batch(after=0, limit=10, now=datetime.now(UTC))

    assert not Manifest.objects.exclude(inspected_at=None).exists()


def attempts(manifest: Manifest) -> int | None:
    return Attempt.objects.filter(pk=manifest.pk).values_list("count", flat=True).first()


def test_a_small_chart_is_read_while_its_push_waits(etherpad: Repository) -> None:
    manifest = uninspected(etherpad)

    inspect_soon(manifest=manifest, now=NOW)

    assert ChartVersion.objects.get().name == "etherpad"
    assert attempts(manifest) is None


@pytest.mark.parametrize("limit", ["QUICK_BYTES", "QUICK_BODY_BYTES", "QUICK_LAYERS"])
def test_a_large_chart_is_left_to_the_job(
    etherpad: Repository, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = uninspected(etherpad)
    monkeypatch.setattr(services, limit, 0)

    inspect_soon(manifest=manifest, now=NOW)
    assert not ChartVersion.objects.exists()

    tasks.inspect_pending()
    assert ChartVersion.objects.get().name == "etherpad"
    assert not Attempt.objects.exists()


def test_what_takes_too_long_is_left_to_the_job_and_not_begun_again(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = uninspected(etherpad)
    begun: list[int] = []

    def slow(*, manifest: Manifest, tick: Callable[[], None], **_: Any) -> None:
        begun.append(manifest.pk)
        end = time.thread_time() + 1
        while time.thread_time() < end:
            tick()

    monkeypatch.setattr(services, "READERS", {Kind.HELM_CHART: slow})
    monkeypatch.setattr(services, "QUICK_CPU_SECONDS", 0.01)
    for _ in range(3):
        inspect_soon(manifest=manifest, now=NOW)
    assert begun == [manifest.pk]

    monkeypatch.setattr(services, "READERS", {Kind.HELM_CHART: read_chart})
    inspect_batch(after=0, limit=10, now=NOW)
    manifest.refresh_from_db()
    assert manifest.inspected_at == NOW


def test_an_attempt_that_was_killed_is_made_again_after_its_lease(etherpad: Repository) -> None:
    manifest = uninspected(etherpad)
    Attempt.objects.create(pk=manifest.pk, count=1, due_at=NOW + LEASE)

    inspect_batch(after=0, limit=10, now=NOW)
    assert not ChartVersion.objects.exists()

    inspect_batch(after=0, limit=10, now=NOW + LEASE)
    assert ChartVersion.objects.get().name == "etherpad"


def test_of_two_that_begin_at_once_one_reads(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = uninspected(etherpad)
    readings: list[int] = []

    def read(*, manifest: Manifest, now: datetime, **_: Any) -> None:
        readings.append(manifest.pk)
        if len(readings) < 3:
            inspect(manifest=manifest, now=now)

    monkeypatch.setattr(services, "READERS", {Kind.HELM_CHART: read})
    inspect(manifest=manifest, now=NOW)

    assert readings == [manifest.pk]


def test_what_fails_again_and_again_is_tried_less_often_and_then_given_up(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = uninspected(etherpad)
    tries: list[datetime] = []

    def defect(*, now: datetime, **_: Any) -> None:
        tries.append(now)
        raise RuntimeError("a defect")

    monkeypatch.setattr(services, "READERS", {Kind.HELM_CHART: defect})
    for minute in range(3 * 24 * 60):
        inspect_batch(after=0, limit=10, now=NOW + timedelta(minutes=minute))

    assert len(tries) == MAX_ATTEMPTS
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert pauses[:3] == [timedelta(minutes=minutes) for minutes in (2, 4, 8)]
    assert max(pauses) == MAX_PAUSE
    manifest.refresh_from_db()
    assert manifest.inspected_at is not None
    assert "tried too often" in ChartVersion.objects.get().problems
    assert not Attempt.objects.exists()


def test_attempts_at_what_is_gone_are_forgotten(etherpad: Repository) -> None:
    manifest = uninspected(etherpad)
    Attempt.objects.create(pk=manifest.pk, count=1, due_at=datetime.now(UTC) + LEASE)
    Attempt.objects.create(pk=manifest.pk + 1, count=1, due_at=NOW)

    tasks.inspect_pending()

    assert list(Attempt.objects.values_list("pk", flat=True)) == [manifest.pk]


def test_what_is_indexed_is_what_can_be_read() -> None:
    assert set(INSPECTED) == set(services.READERS)


def test_what_waits_is_found_by_its_own_index(etherpad: Repository) -> None:
    if connection.vendor != "postgresql":
        return  # SQLite does not see from a parameter that the index fits
    uninspected(etherpad)
    with CaptureQueriesContext(connection) as captured:
        inspect_batch(after=0, limit=50, now=NOW)
    statement = next(query["sql"] for query in captured if "ORDER BY" in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # it reads small tables whole
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "manifest_to_inspect" in plan, plan
