"""The commands, the task and its turn, and what goes wrong for one item only."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from artifacts.oci.digest import Digest
from registry.blobs.models import Blob
from registry.gc.management.commands.fsck import ProgressBar
from registry.gc.models import Turn, give_back, take_turn
from registry.gc.report import Garbage, Report
from registry.gc.services import collect
from registry.gc.tasks import collect as collect_task
from registry.gc.tasks import reconcile_store as reconcile_task
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import NOW, hold, image, push
from tests.registry.gc.moments import MUCH_LATER, SECOND
from tests.registry.stored import stored_files

pytestmark = pytest.mark.django_db(transaction=True)

LASTING = timedelta(minutes=30)
OLD = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def garbage(repository: Repository) -> Repository:
    """An image without a tag, pushed years ago."""
    hold(repository, b"{}", b"layer", now=OLD)
    body = image(b"{}", b"layer")
    push(repository, body, str(Digest.of(body)), now=OLD)
    return repository


def gc_says(*options: str) -> str:
    out = StringIO()
    call_command("gc", *options, stdout=out)
    return out.getvalue()


def test_gc_says_what_it_freed_and_why(garbage: Repository, store_root: Path) -> None:
    said = gc_says()

    assert said.splitlines() == [
        "1 manifests that no tag reaches",
        "2 blobs in repositories where no manifest needs them",
        "2 blobs that no repository holds, 7 bytes",
        "Freed 7 bytes.",
    ]
    assert stored_files(store_root) == set()


def test_a_dry_run_says_the_same_and_frees_nothing(garbage: Repository, store_root: Path) -> None:
    foretold = gc_says("--dry-run")

    assert len(stored_files(store_root)) == 2
    assert Manifest.objects.exists()
    assert foretold == gc_says().replace("Freed", "Would free")


def test_the_task_collects_and_gives_its_turn_back(garbage: Repository) -> None:
    for _ in range(2):
        collect_task()

        assert Turn.objects.get(name="collect").held_until <= datetime.now(UTC)
    assert not Blob.objects.exists()


def test_the_task_leaves_the_work_to_whoever_has_the_turn(garbage: Repository) -> None:
    take_turn("collect", now=datetime.now(UTC), lasting=LASTING)

    collect_task()

    assert Blob.objects.exists()


def test_nothing_is_collected_by_itself_when_that_is_switched_off(
    garbage: Repository, settings: Settings
) -> None:
    settings.FEATURE_GARBAGE_COLLECTION = False

    collect_task()
    reconcile_task()

    assert Blob.objects.exists()


def test_a_turn_is_had_by_one_until_it_ends_or_is_given_back(db: None) -> None:
    assert take_turn("sweep", now=NOW, lasting=LASTING)
    assert not take_turn("sweep", now=NOW + LASTING - SECOND, lasting=LASTING)
    assert take_turn("another", now=NOW, lasting=LASTING)

    assert take_turn("sweep", now=NOW + LASTING, lasting=LASTING)
    give_back("sweep", now=NOW, lasting=LASTING)  # too late: it is another's by now
    assert not take_turn("sweep", now=NOW + LASTING, lasting=LASTING)

    give_back("sweep", now=NOW + LASTING, lasting=LASTING)
    assert take_turn("sweep", now=NOW + LASTING, lasting=LASTING)


# --- One broken item ----------------------------------------------------------------------------


def test_a_manifest_that_cannot_be_deleted_is_reported_and_the_others_go(
    repository: Repository,
) -> None:
    hold(repository, b"{}")
    for number in range(5):
        body = image(b"{}", annotations={"n": str(number)})
        push(repository, body, str(Digest.of(body)))
    stubborn = Manifest.objects.order_by("pk")[2].pk
    report = Report()

    with _undeletable("manifests_manifest", stubborn):
        collect(now=MUCH_LATER, report=report)

    assert list(Manifest.objects.values_list("pk", flat=True)) == [stubborn]
    assert report.items(Garbage.MANIFEST) == 4
    assert report.problems
    assert all(problem.startswith(f"{stubborn}: ") for problem in report.problems)


def test_bytes_that_cannot_be_deleted_are_reported_and_the_others_go(
    repository: Repository, store_root: Path
) -> None:
    hold(repository, b"a", b"b", b"c")
    stubborn = store_root / Blob.objects.get(pk=str(Digest.of(b"b"))).storage_key
    stubborn.unlink()
    stubborn.mkdir()
    report = Report()

    collect(now=MUCH_LATER, report=report)

    assert not Blob.objects.exists()
    assert stored_files(store_root) == set()
    assert report.problem_count == 1
    assert report.freed_bytes == 2


# --- Progress -----------------------------------------------------------------------------------


class Output:
    """What was written, as the streams of commands take it."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, msg: str, *, ending: str) -> None:
        self.text += msg + ending

    def flush(self) -> None:
        """Nothing is held back."""


def test_a_terminal_sees_one_line_that_grows() -> None:
    terminal = Output()
    bar = ProgressBar(terminal, is_terminal=True)

    for share in (0.0, 0.5, 0.501, 1.0):
        bar.show(share)
    bar.end()

    lines = terminal.text.split("\r")[1:]
    assert [line[-6:].strip() for line in lines] == ["0 %", "50 %", "100 %"]
    assert lines[1].count("#") == lines[1].count(".") == 20
    assert terminal.text.endswith("\n")


def test_a_log_gets_a_line_for_every_ten_percent() -> None:
    log = Output()
    bar = ProgressBar(log, is_terminal=False)

    for percent in range(101):
        bar.show(percent / 100)
    bar.end()

    assert len(log.text.splitlines()) == 11
    assert "\r" not in log.text


@contextmanager
def _undeletable(table: str, pk: int) -> Iterator[None]:
    """Inside, the database refuses to delete a row."""
    if connection.vendor == "sqlite":
        body = "BEGIN SELECT RAISE(ABORT, 'broken'); END"
        make = [f"CREATE TRIGGER stubborn BEFORE DELETE ON {table} WHEN OLD.id = {pk} {body}"]
        drop = "DROP TRIGGER stubborn"
    else:
        make = [
            "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'broken'; END $$",
            f"CREATE TRIGGER stubborn BEFORE DELETE ON {table} FOR EACH ROW"
            f" WHEN (OLD.id = {pk}) EXECUTE FUNCTION stubborn()",
        ]
        drop = "DROP FUNCTION stubborn CASCADE"
    with connection.cursor() as cursor:
        for statement in make:
            cursor.execute(statement)
        yield
        cursor.execute(drop)


def test_a_comparison_that_is_not_done_is_gone_on_with(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(repository, b"named")
    again = Mock()
    monkeypatch.setattr("registry.gc.tasks._STRETCH_SECONDS", 0)
    monkeypatch.setattr(reconcile_task, "delay", again)

    reconcile_task()

    again.assert_called_once_with()
