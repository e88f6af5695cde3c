"""Who may read /metrics, and what stands there."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from registry.metrics import shared
from registry.metrics.families import FAMILIES, Counter, Gauge, Histogram
from registry.statistics import gauges
from registry.statistics.gauges import Readings
from registry.statistics.jobs import note_run
from tests.registry.api.management.test_tags import basic
from tests.registry.builders import bearer, make_user, owner_of

pytestmark = pytest.mark.django_db

TOKEN = "a-token-for-prometheus"
KNOWS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.RUN_DIR = tmp_path / "run"
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr("registry.api.metrics.readings", Readings())
    known = dict(FAMILIES)
    yield
    FAMILIES.clear()
    FAMILIES.update(known)


def samples(client: Client) -> dict[str, dict[tuple[str, ...], float]]:
    """By their names, and by the values of their labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    text = client.get("/metrics", headers=KNOWS).content.decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_strangers_read_nothing(client: Client) -> None:
    assert client.get("/metrics").status_code == 401


def test_a_stranger_is_told_how_to_log_in(client: Client) -> None:
    assert client.get("/metrics")["WWW-Authenticate"].startswith("Basic ")


def test_another_token_reads_nothing(client: Client) -> None:
    other = {"Authorization": f"Bearer {TOKEN}x"}

    assert client.get("/metrics", headers=other).status_code == 401


def test_without_a_token_in_the_configuration_an_empty_one_reads_nothing(
    client: Client, settings: Any
) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_people_read_nothing(client: Client) -> None:
    make_user("ada")

    assert client.get("/metrics", headers=basic("ada")).status_code == 403


def test_superusers_read_all(client: Client) -> None:
    make_user("grace", is_superuser=True)

    assert client.get("/metrics", headers=basic("grace")).status_code == 200


def test_a_token_of_the_registry_reads_nothing_whoever_has_it(client: Client) -> None:
    make_user("grace", is_superuser=True)

    assert client.get("/metrics", headers=bearer(owner_of("grace"))).status_code == 403


def test_whoever_knows_the_token_asks_for_any_host(client: Client, settings: Any) -> None:
    settings.SERVER_HOSTNAME = "registry.example.com"

    assert client.get("/metrics", headers=KNOWS, HTTP_HOST="10.1.2.3").status_code == 200


def test_the_text_is_of_the_form_that_was_asked_for(client: Client) -> None:
    headers = {**KNOWS, "Accept": "application/openmetrics-text; version=1.0.0"}

    response = client.get("/metrics", headers=headers)

    assert response["Content-Type"].startswith("application/openmetrics-text")
    assert response.content.endswith(b"# EOF\n")


def test_parts_that_work_are_told(client: Client) -> None:
    assert samples(client)["berth_ready"][("database",)] == 1


def test_a_count_is_told(client: Client) -> None:
    Counter("berth_things_total", "Things.", ("kind",)).add("good", amount=3)

    assert samples(client)["berth_things_total"] == {("good",): 3}


def test_a_histogram_counts_what_is_below_each_bound(client: Client) -> None:
    waits = Histogram("berth_wait_seconds", "Waits.")
    for seconds in (0.001, 0.03, 1000):
        waits.observe(seconds)

    found = samples(client)

    buckets = found["berth_wait_seconds_bucket"]
    assert (buckets[("0.001",)], buckets[("0.05",)], buckets[("60.0",)]) == (1, 2, 2)
    assert (found["berth_wait_seconds_count"][()], buckets[("+Inf",)]) == (3, 3)


def test_what_is_asked_for_is_a_gauge(client: Client) -> None:
    Gauge("berth_depth", "Depth.", lambda: {(): 7})

    assert samples(client)["berth_depth"] == {(): 7}


def write(name: str, counts: dict[str, list[Any]], folder: Path) -> None:
    import json

    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(counts))


DEAD = 2**22 + 1  # more than Linux gives


def test_the_counts_of_all_processes_are_one_sum(client: Client, settings: Any) -> None:
    Counter("berth_things_total", "Things.").add()
    write("web-1.json", {"berth_things_total": [[[], [2]]]}, settings.RUN_DIR)

    assert samples(client)["berth_things_total"] == {(): 3}


def test_what_a_dead_process_counted_stays_counted(client: Client, settings: Any) -> None:
    Counter("berth_things_total", "Things.").add()
    write(f"web-{DEAD}.json", {"berth_things_total": [[[], [2]]]}, settings.RUN_DIR)

    assert samples(client)["berth_things_total"] == {(): 3}


def test_what_a_dead_process_held_is_gone(client: Client, settings: Any) -> None:
    Gauge("berth_depth", "Depth.", lambda: {(): 7})
    write(f"web-{DEAD}.json", {"berth_depth": [[[], [5]]]}, settings.RUN_DIR)

    assert samples(client)["berth_depth"] == {(): 7}


def test_a_file_that_is_no_snapshot_breaks_nothing(client: Client, settings: Any) -> None:
    settings.RUN_DIR.mkdir()
    (settings.RUN_DIR / "web-1.json").write_text("{")

    assert "berth_build_info" in samples(client)


def test_a_process_that_begins_goes_on_where_a_dead_one_stopped(
    client: Client, settings: Any
) -> None:
    things = Counter("berth_things_total", "Things.")
    write(f"web-{DEAD}.json", {"berth_things_total": [[[], [2]]]}, settings.RUN_DIR)

    shared.begin("web")
    things.add()

    assert samples(client)["berth_things_total"] == {(): 3}


def test_files_of_dead_processes_do_not_pile_up(settings: Any) -> None:
    write(f"web-{DEAD}.json", {}, settings.RUN_DIR)

    shared.begin("web")
    shared.save()

    assert len(list(settings.RUN_DIR.glob("web-*"))) == 1


def test_a_process_that_lives_keeps_its_file(settings: Any) -> None:
    write("web-1.json", {}, settings.RUN_DIR)

    shared.begin("web")

    assert (settings.RUN_DIR / "web-1.json").exists()


def test_memory_of_each_process_is_told(client: Client) -> None:
    shared.begin("web")
    shared.save()

    (memory,) = samples(client)["berth_process_resident_memory_bytes"].values()
    assert memory > 10_000_000


def test_when_a_process_began_is_told(client: Client) -> None:
    shared.begin("web")
    shared.save()

    (began,) = samples(client)["berth_process_start_time_seconds"].values()
    assert time.time() - 24 * 3600 < began <= time.time() + 1


def test_how_jobs_went_is_told(client: Client) -> None:
    now = datetime.now(UTC)
    note_run(task="gc.collect", started_at=now, lasted=timedelta(seconds=2))
    note_run(
        task="gc.collect", started_at=now, lasted=timedelta(seconds=3), error=RuntimeError("no")
    )

    found = samples(client)

    assert found["berth_job_runs_total"][("gc.collect",)] == 2
    assert found["berth_job_failures_total"][("gc.collect",)] == 1
    assert found["berth_job_failing"][("gc.collect",)] == 1
    assert ("gc.collect",) not in found.get("berth_job_last_success_timestamp_seconds", {})


def test_rows_are_read_once_in_a_while(client: Client, django_assert_num_queries: Any) -> None:
    samples(client)
    with django_assert_num_queries(0):
        samples(client)


def test_what_cannot_be_read_is_left_out(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(now: datetime) -> list[Any]:
        raise OSError("the disk is away")

    monkeypatch.setattr(gauges, "_SOURCES", (fail, gauges._jobs))

    assert "berth_job_interval_seconds" in samples(client)
