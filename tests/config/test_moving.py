"""The documented way from SQLite to PostgreSQL brings everything along."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.documented import ROOT, console_lines
from tests.live import server_environment

_DOCUMENTED = "postgresql://berth:secret@db.example.com:5432/berth"
_FILLED = """
from datetime import timedelta
from registry.repositories.deletion import delete_repository
from tests.registry.builders import NOW, hold, image, make_repository, push
for path in ("acme/web", "acme/gone"):
    repository = make_repository(path)
    hold(repository, b"{}", b"layer of " + path.encode())
    for tag in ("v1", "latest"):
        push(repository, image(b"{}", b"layer of " + path.encode()), tag)
    push(repository, image(b"{}"), "latest", now=NOW + timedelta(hours=1))
delete_repository(repository=repository, now=NOW + timedelta(hours=2))
"""
_COUNTED = """
import json
from django.apps import apps
print(json.dumps({
    model._meta.label: model._base_manager.count()
    for model in apps.get_models()
}))
"""


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """The environments of a registry on SQLite and of what the documented commands made of it."""
    data = tmp_path_factory.mktemp("moving") / "data"
    new = {**server_environment(data), "BERTH_SECRET_KEY": "0123456789" * 5}
    old = {name: value for name, value in new.items() if name != "BERTH_DB_URI"}
    data.mkdir()
    _run("manage.py", "migrate", "--verbosity", "0", environment=old)
    _run("manage.py", "shell", "--verbosity", "0", "--command", _FILLED, environment=old)
    (line,) = console_lines("docs/manual/growing.md", "From SQLite")
    done = subprocess.run(
        ["bash", "-c", line.replace(_DOCUMENTED, new["BERTH_DB_URI"])],
        cwd=ROOT,
        env={**old, "PATH": f"{Path(sys.executable).parent}:{old['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return old, new


def test_every_row_comes_along(moved: tuple[dict[str, str], dict[str, str]]) -> None:
    before, after = (_counts(environment) for environment in moved)

    assert after == before


def test_deleted_repositories_come_along(moved: tuple[dict[str, str], dict[str, str]]) -> None:
    assert _counts(moved[1])["repositories.Repository"] == 2


def test_new_rows_can_be_made_afterwards(moved: tuple[dict[str, str], dict[str, str]]) -> None:
    made = _run("manage.py", "create_repository", "acme/next", environment=moved[1])

    assert made == "created the private repository acme/next\n"


def test_a_database_that_is_in_use_stays_as_it_is(
    moved: tuple[dict[str, str], dict[str, str]],
) -> None:
    old, new = moved
    before = _counts(new)
    with pytest.raises(AssertionError, match="is not empty; nothing was changed"):
        _run("manage.py", "move_database", new["BERTH_DB_URI"], environment=old)

    assert _counts(new) == before


def test_a_backup_of_sqlite_is_restored_to_postgresql(
    moved: tuple[dict[str, str], dict[str, str]], tmp_path: Path
) -> None:
    old, _ = moved
    other = {**server_environment(tmp_path / "data"), "BERTH_SECRET_KEY": "0123456789" * 5}
    _run("manage.py", "backup", str(tmp_path / "backup"), environment=old)

    _run("manage.py", "restore", str(tmp_path / "backup"), "--verify", environment=other)

    assert _counts(other)["tags.Tag"] == _counts(old)["tags.Tag"] == 6


def _counts(environment: dict[str, str]) -> dict[str, int]:
    text = _run(
        "manage.py", "shell", "--verbosity", "0", "--command", _COUNTED, environment=environment
    )
    counts: dict[str, int] = json.loads(text)
    return counts


def _run(*command: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
