"""Inspection: never in the way of a push, and made up for when it could not be done."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from artifacts.kinds.kinds import Kind
from artifacts.oci.digest import Digest
from registry.blobs.models import Blob
from registry.charts.models import ChartVersion
from registry.inspection import services, tasks
from registry.inspection.services import inspect, inspect_pending
from registry.manifests.models import Manifest
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
    inspect(manifest=manifest, now=NOW)
    manifest.refresh_from_db()
    assert manifest.inspected_at == NOW
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

    assert inspect_pending(after=0, limit=2, now=NOW) == second.pk
    assert inspect_pending(after=second.pk, limit=2, now=NOW) is None

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

    inspect_pending(after=0, limit=10, now=datetime.now(UTC))

    assert not Manifest.objects.exclude(inspected_at=None).exists()
