"""The folder of a start that has no data folder, and what a kill left of others."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from config.serving import scratch
from config.serving.processes import Options


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go. Locks on what is in it end with the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    for lock in locks_in(folder):
        os.close(lock)


@pytest.fixture
def options(place: Path, settings: Settings, tmp_path: Path) -> Options:
    """Of a start that keeps nothing on this machine."""
    settings.HAS_DATA_DIR = False
    settings.KEPT_IN_DATA = ()
    settings.DATA_DIR = tmp_path / "data"
    settings.STATIC_ROOT = tmp_path / "data" / "static"
    settings.TLS_CERTIFICATE = ""
    return Options.read({"BERTH_DATA": str(tmp_path / "data")})


def locks_in(folder: Path) -> list[int]:
    """Descriptors of this process for folders that are, or were, in ``folder``."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            if entry.readlink().is_relative_to(folder):
                found.append(int(entry.name))
    return found


def left(place: Path, name: str = "berth-serve-left") -> Path:
    folder = place / name
    folder.mkdir()
    (folder / "file").touch()
    return folder


def test_a_start_without_a_data_folder_has_one_for_its_user_only(
    options: Options, place: Path
) -> None:
    changed = scratch.in_place_of_data(options)

    assert changed == replace(options, data=changed.data, is_scratch=True)
    assert [changed.data] == list(place.iterdir())
    assert stat.S_IMODE(changed.data.stat().st_mode) == 0o700


def test_a_data_folder_that_is_named_is_used(
    options: Options, place: Path, settings: Settings
) -> None:
    settings.HAS_DATA_DIR = True

    assert scratch.in_place_of_data(options) == options
    assert list(place.iterdir()) == []


def test_what_must_last_is_not_kept_in_a_folder_that_goes(
    options: Options, place: Path, settings: Settings
) -> None:
    settings.KEPT_IN_DATA = ("blobs (DISTRIBUTED_STORAGE_CONFIG)",)

    assert scratch.in_place_of_data(options) == options
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("wants_tls", "certificate", "role", "needs"),
    [
        (True, "", "web", ("certificates (TLS)",)),
        (True, "server.pem", "web", ()),
        (True, "", "worker", ()),
        (False, "", "web", ()),
    ],
)
def test_a_certificate_of_its_own_needs_a_data_folder(
    options: Options,
    settings: Settings,
    wants_tls: bool,
    certificate: str,
    role: str,
    needs: tuple[str, ...],
) -> None:
    settings.TLS_CERTIFICATE = certificate

    assert scratch.needs_of(replace(options, wants_tls=wants_tls, roles=(role,))) == needs


def test_pages_find_their_files_in_it(options: Options, settings: Settings) -> None:
    changed = scratch.in_place_of_data(options)

    assert changed.data / "static" == settings.STATIC_ROOT


def test_files_of_pages_that_are_elsewhere_stay_there(
    options: Options, settings: Settings, tmp_path: Path
) -> None:
    settings.STATIC_ROOT = tmp_path / "collected"

    scratch.in_place_of_data(options)

    assert tmp_path / "collected" == settings.STATIC_ROOT


# --- What others left ---------------------------------------------------------------------------


def test_what_a_kill_left_goes_at_the_next_start(options: Options, place: Path) -> None:
    folder = left(place)

    scratch.in_place_of_data(options)

    assert not folder.exists()


def test_two_starts_leave_each_other_alone(options: Options) -> None:
    first = scratch.in_place_of_data(options)
    second = scratch.in_place_of_data(options)

    assert first.data.is_dir()
    assert second.data.is_dir()


def test_what_this_process_becomes_holds_the_lock(options: Options, place: Path) -> None:
    scratch.in_place_of_data(options)

    (lock,) = locks_in(place)
    assert os.get_inheritable(lock)


def test_a_folder_that_somebody_holds_is_left_alone(options: Options, place: Path) -> None:
    folder = left(place)
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)

    scratch.in_place_of_data(options)

    assert (folder / "file").exists()


def test_a_folder_of_another_name_is_left_alone(options: Options, place: Path) -> None:
    folder = left(place, "somebody-elses")

    scratch.in_place_of_data(options)

    assert (folder / "file").exists()


def test_a_link_leads_to_nothing_that_is_removed(
    options: Options, place: Path, tmp_path: Path
) -> None:
    folder = left(tmp_path, "precious")
    (place / "berth-serve-link").symlink_to(folder)

    scratch.in_place_of_data(options)

    assert (folder / "file").exists()


def test_a_folder_of_another_user_is_left_alone(
    options: Options, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = left(place)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)

    with pytest.raises(scratch.NoScratch):
        scratch.in_place_of_data(options)

    assert (folder / "file").exists()


def test_a_folder_that_another_start_took_away_is_made_again(
    options: Options, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment at which it was opened and its lock."""
    lock, tries = fcntl.flock, count()

    def late(descriptor: int, operation: int) -> None:
        if next(tries) == 0:
            next(place.iterdir()).rmdir()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)

    changed = scratch.in_place_of_data(options)

    assert [changed.data] == list(place.iterdir())


def test_whoever_takes_away_every_folder_is_told_of(
    options: Options, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: str(place / f"{prefix}gone"))

    with pytest.raises(scratch.NoScratch, match="set TMPDIR=FOLDER"):
        scratch.in_place_of_data(options)


# --- Its end, and a machine without one ---------------------------------------------------------


def test_it_goes_when_berth_ends(options: Options, place: Path) -> None:
    changed = scratch.in_place_of_data(options)
    (changed.data / "file").touch()

    scratch.remove(changed)

    assert list(place.iterdir()) == []


def test_a_data_folder_stays_when_berth_ends(options: Options) -> None:
    options.data.mkdir()

    scratch.remove(options)

    assert options.data.is_dir()


def test_a_machine_without_a_place_for_temporary_files_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)

    with pytest.raises(scratch.NoScratch, match="TMPDIR=FOLDER"):
        scratch.check()
