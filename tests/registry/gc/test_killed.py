"""The collector dies at random points, and nothing is lost and nothing stays behind."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from django.db import connection

from registry.blobs.models import Blob
from registry.gc.report import Report
from registry.gc.services import collect
from registry.gc.store import reconcile_store
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.live import ROOT
from tests.registry.builders import NOW, hold, image, index, push
from tests.registry.gc.invariants import assert_clean, assert_whole
from tests.registry.stored import stored_files
from tests.soak import rounds, seed

KILLS = rounds(15)
LATER = timedelta(days=400)


@pytest.mark.randomized
@pytest.mark.timeout(300 + 10 * KILLS)
@pytest.mark.django_db(transaction=True)
def test_a_collector_that_is_killed_loses_nothing_and_leaves_nothing(
    repository: Repository, store_root: Path
) -> None:
    random = Random(seed())
    with subprocess.Popen(
        [sys.executable, "-m", "tests.registry.gc.killable", str(store_root)],
        cwd=ROOT,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as collector:
        collect_and_kill = _asked(collector)
        answers = []
        for number in range(KILLS):
            _push_some(repository, number)
            answers.append(collect_and_kill(NOW + LATER, random.uniform(0.005, 0.3)))
            assert_whole()
        collector.communicate(timeout=60)

    assert set(answers) <= {"killed", "ended"}
    assert "killed" in answers
    report = Report()
    collect(now=NOW + LATER, report=report)
    # Files are dated by the clock, which is far ahead of the moments of this test.
    reconcile_store(
        now=datetime.now(NOW.tzinfo) + LATER, abandoned_after=timedelta(), report=report
    )
    assert report.problems == []
    assert Manifest.objects.count() == 2 * KILLS
    assert_whole()
    assert_clean(store_root, now=NOW + LATER)
    assert stored_files(store_root) == set(Blob.objects.values_list("storage_key", flat=True))


def _push_some(repository: Repository, number: int) -> None:
    """An index with its image, which stay; images and an index of them, which go."""
    images = []
    for n in range(4):
        layer = f"{number} {n}".encode()
        hold(repository, b"{}", layer)
        images.append(image(b"{}", layer))
        push(repository, images[-1], f"v{number}-{n}")
    push(repository, index(images[0]), f"v{number}")
    push(repository, index(*images[1:]), f"v{number}-index")
    repository.tags.exclude(name=f"v{number}").filter(name__startswith=f"v{number}-").update(
        ended_at=NOW, end_reason="delete"
    )


def _asked(collector: "subprocess.Popen[str]") -> Callable[[datetime, float], str]:
    def ask(moment: datetime, seconds: float) -> str:
        assert collector.stdin
        assert collector.stdout
        print(moment.isoformat(), seconds, file=collector.stdin, flush=True)
        return collector.stdout.readline().strip()

    return ask


def _environment() -> dict[str, str]:
    """A process of its own on the database of the tests."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        uri = f"sqlite:///{known['NAME']}"
    else:
        host = known["HOST"]
        place = (
            f"/{known['NAME']}?host={host}"
            if host.startswith("/")
            else f"{host}:{known['PORT']}/{known['NAME']}"
        )
        uri = f"postgresql://{quote(known['USER'])}:{quote(known['PASSWORD'])}@{place}"
    return {**os.environ, "BERTH_DB_URI": uri}
