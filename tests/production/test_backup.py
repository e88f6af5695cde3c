"""A backup is made while clients push and pull, and a registry is made of it elsewhere."""

from pathlib import Path

import psycopg
import pytest

from tests.production.document import BACKUPS, TRIED
from tests.production.load import load_on
from tests.production.stack import Stack

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(900)]


def test_a_backup_under_load_refuses_nobody_and_holds_what_was_pushed_before(
    stack: Stack, tmp_path: Path
) -> None:
    place = str(tmp_path / "backup")
    with load_on(stack, "backed-up") as load:
        before = {pushed.digest for pushed in load.result.pushed}
        stack.manage("backup", place)
    elsewhere = _empty_place(stack)

    restored, looked = (
        stack.manage(*(word.replace(BACKUPS, place) for word in command), **elsewhere)
        for command in TRIED
    )

    assert load.result.refusals == []
    assert load.lost() == []
    assert before <= _manifests(elsewhere["BERTH_DB_URI"])
    assert ", 0 problems." in looked, restored + looked


def _empty_place(stack: Stack) -> dict[str, str]:
    """Variables of a registry with an empty database and bucket."""
    with psycopg.connect(stack.database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    return {
        **stack.s3.environment(),
        "BERTH_DB_URI": stack.database.replace("/postgres?", "/restored?"),
    }


def _manifests(database: str) -> set[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT digest FROM manifests_manifest").fetchall()
    return {digest for (digest,) in rows}
