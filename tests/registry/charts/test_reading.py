"""What is kept of a chart when it is pushed, and what happens when it cannot be read."""

import gzip
import json
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO

import pytest
from django.test import Client

from artifacts.charts.chart import Chart
from artifacts.charts.chart import read_chart as read_archive
from artifacts.oci.media_types import OCI_MANIFEST
from registry.charts import services
from registry.charts.models import ChartVersion
from registry.charts.services import read_chart
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.artifacts.charts.archives import CHART_YAML, archive
from tests.registry.builders import (
    NOW,
    bearer,
    hold,
    image,
    make_repository,
    owner_of,
    push,
)
from tests.registry.charts.builders import (
    chart_archive,
    chart_config,
    chart_manifest,
    push_chart,
)

pytestmark = pytest.mark.django_db

PUSHED_AT = datetime.now(UTC)


@pytest.fixture
def etherpad() -> Repository:
    return make_repository("acme/etherpad")


def put(repository: Repository, body: bytes, tag: str = "0.0.4") -> None:
    scope = f"repository:{repository.path}:pull,push"
    client = Client(headers=bearer(owner_of("acme"), scope))
    path = f"/v2/{repository.path}/manifests/{tag}"
    response = client.generic("PUT", path, body, OCI_MANIFEST)
    assert response.status_code == 201, response.content


def pushed(repository: Repository, content: bytes, config: bytes = b"{}") -> ChartVersion:
    """What is kept of a chart with this archive, pushed over HTTP."""
    hold(repository, content, config, now=PUSHED_AT)
    put(repository, chart_manifest(content, config))
    return ChartVersion.objects.get()


def test_a_push_keeps_what_the_chart_says(etherpad: Repository) -> None:
    content = archive(
        {
            "Chart.yaml": b"apiVersion: v2\nname: etherpad\nversion: 0.0.4\nappVersion: 1.8.7\n"
            b"description: Write together\ndeprecated: true\n"
            b"dependencies: [{name: db, version: 1.0.0}]\n",
            "values.yaml": b"title: Welcome\n",
            "values.schema.json": b"{}",
            "README.md": b"# Pad\n",
            "templates/a.yaml": b"",
        }
    )

    chart = pushed(etherpad, content, chart_config())

    assert (chart.name, chart.version, chart.file_name) == (
        "etherpad",
        "0.0.4",
        "etherpad-0.0.4.tgz",
    )
    assert (chart.api_version, chart.app_version) == ("v2", "1.8.7")
    assert (chart.description, chart.is_deprecated) == ("Write together", True)
    assert (chart.values, chart.schema, chart.readme) == ("title: Welcome\n", "{}", "# Pad\n")
    assert chart.metadata["appVersion"] == "1.8.7"
    assert chart.dependencies == [{"name": "db", "version": "1.0.0"}]
    assert chart.templates == ["templates/a.yaml"]
    assert chart.problems == ""
    assert chart.repository == etherpad
    assert chart.namespace == etherpad.namespace
    assert chart.manifest.inspected_at is not None


def test_a_chart_is_read_once_however_often_it_is_pushed(etherpad: Repository) -> None:
    content, config = chart_archive(), chart_config()
    first = pushed(etherpad, content, config)

    put(etherpad, chart_manifest(content, config), "latest")

    assert ChartVersion.objects.get().pk == first.pk


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no archive", "its archive cannot be unpacked: its compression is broken"),
        (archive({"values.yaml": b""}), "its archive holds no Chart.yaml in its top folder"),
        (
            archive({"Chart.yaml": b"name: \xe9\n"}),
            "of its Chart.yaml: it is not UTF-8 at byte 6",
        ),
        (
            gzip.compress(tarfile.TarInfo("a/../../etc/passwd").tobuf() + bytes(1024), mtime=0),
            "a name in its archive leads out of the chart: 'a/../../etc/passwd'",
        ),
    ],
)
def test_a_chart_that_cannot_be_read_is_stored_with_the_reason(
    content: bytes, reason: str, etherpad: Repository
) -> None:
    chart = pushed(etherpad, content)

    assert chart.problems == f"The chart could not be read, because {reason}."
    assert (chart.name, chart.version, chart.metadata) == ("", "", {})
    assert chart.manifest.inspected_at is not None
    assert not ChartVersion.objects.available(PUSHED_AT).exists()


@pytest.mark.parametrize(
    "files",
    [
        {"values.yaml": b"a: ["},
        {"Chart.lock": b"- a"},
        {"requirements.yaml": b"- a"},
        {"charts/sub.tgz": b"junk"},
    ],
    ids=lambda files: next(iter(files)),
)
def test_a_chart_that_helm_does_not_load_is_kept_and_not_listed(
    files: dict[str, bytes], etherpad: Repository
) -> None:
    chart = pushed(etherpad, archive({"Chart.yaml": CHART_YAML, **files}), chart_config())

    assert chart.name == "etherpad"
    assert chart.is_refused
    assert not ChartVersion.objects.available(PUSHED_AT).exists()


def test_a_config_without_the_archive_of_a_chart_is_told(etherpad: Repository) -> None:
    config, layer = chart_config(), b"layer"
    hold(etherpad, config, layer, now=PUSHED_AT)
    put(etherpad, chart_manifest(layer, config, content_type="application/octet-stream"))

    assert "none of its layers has the type of a chart's archive" in (
        ChartVersion.objects.get().problems
    )


def test_an_archive_larger_than_any_chart_is_not_even_opened(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_ARCHIVE_BYTES", 10)

    chart = pushed(etherpad, chart_archive(), chart_config())

    assert "its archive is larger than" in chart.problems


def test_a_config_larger_than_any_chart_needs_is_not_read(
    etherpad: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_CONFIG_BYTES", 10)

    chart = pushed(etherpad, chart_archive(), chart_config())

    assert chart.name == "etherpad"
    assert chart.problems == "The config could not be read, because it is not JSON."


def test_a_second_reading_replaces_the_first(etherpad: Repository) -> None:
    manifest = push_chart(etherpad)
    ChartVersion.objects.update(values="stale", problems="stale")

    read_chart(manifest=manifest, now=PUSHED_AT)

    chart = ChartVersion.objects.get()
    assert (chart.values, chart.problems) == ("title: Welcome\n", "")
    assert chart.read_at == PUSHED_AT


def test_a_manifest_that_is_gone_meanwhile_leaves_no_chart(etherpad: Repository) -> None:
    content, config = chart_archive(), chart_config()
    hold(etherpad, content, config)
    manifest = push(etherpad, chart_manifest(content, config))
    manifest = Manifest.objects.select_related("repository").get(pk=manifest.pk)
    Manifest.objects.all().delete()

    read_chart(manifest=manifest, now=NOW)

    assert not ChartVersion.objects.exists()


def test_a_chart_goes_with_its_manifest(etherpad: Repository) -> None:
    manifest = push_chart(etherpad)

    manifest.delete()

    assert not ChartVersion.objects.exists()


def test_an_image_has_no_chart(etherpad: Repository) -> None:
    hold(etherpad, b"{}", b"layer", now=PUSHED_AT)

    put(etherpad, image(b"{}", b"layer"), "v1")

    assert not ChartVersion.objects.exists()
    assert Manifest.objects.get().inspected_at is None


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The config of each archive that is opened."""
    opened: list[bytes] = []

    def read(archive: IO[bytes], config: bytes, tick: Callable[[], None]) -> Chart:
        opened.append(config)
        return read_archive(archive, config, tick)

    monkeypatch.setattr(services, "read_archive", read)
    return opened


def test_an_archive_is_read_once_however_many_manifests_list_it(
    etherpad: Repository, readings: list[bytes]
) -> None:
    content, config = chart_archive(readme="# Pads"), chart_config()
    for repository in (etherpad, make_repository("acme/other")):
        hold(repository, content, config, now=PUSHED_AT)
        for number in range(3):
            put(repository, annotated(chart_manifest(content, config), number), f"v{number}")

    assert len(readings) == 1
    kept = {(chart.name, chart.readme, chart.problems) for chart in ChartVersion.objects.all()}
    assert kept == {("etherpad", "# Pads", "")}
    assert ChartVersion.objects.count() == 6


def test_an_archive_that_could_not_be_read_is_not_tried_with_each_manifest(
    etherpad: Repository, readings: list[bytes]
) -> None:
    content, config = gzip.compress(b"", mtime=0) * 1000, chart_config()
    hold(etherpad, content, config, now=PUSHED_AT)
    for number in range(3):
        put(etherpad, annotated(chart_manifest(content, config), number), f"v{number}")

    assert len(readings) == 1
    assert len({chart.problems for chart in ChartVersion.objects.all()}) == 1


def test_each_config_is_compared_with_the_archive(
    etherpad: Repository, readings: list[bytes]
) -> None:
    content, other, right = chart_archive(), chart_config(version="9.9.9"), chart_config()
    for config, tag in ((other, "a"), (right, "b"), (other, "c")):
        hold(etherpad, content, config, now=PUSHED_AT)
        body = annotated(chart_manifest(content, config), ord(tag))
        put(etherpad, body, tag)

    assert len(readings) == 1
    said = "The config says version 9.9.9, and the archive 0.0.4."
    in_order = ChartVersion.objects.order_by("id").values_list("problems", flat=True)
    assert list(in_order) == [said, "", said]


def test_what_is_to_be_read_again_is_not_copied(
    etherpad: Repository, readings: list[bytes]
) -> None:
    """As after an update that reads more."""
    push_chart(etherpad)
    Manifest.objects.update(inspected_at=None)
    ChartVersion.objects.update(readme="stale")
    content, config = chart_archive(), chart_config()
    put(etherpad, annotated(chart_manifest(content, config), 1), "new")

    assert len(readings) == 2
    assert ChartVersion.objects.order_by("id").last().readme == ""  # type: ignore[union-attr]


def annotated(manifest: bytes, number: int) -> bytes:
    return json.dumps({**json.loads(manifest), "annotations": {"n": str(number)}}).encode()
