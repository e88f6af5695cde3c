"""The version before and this one serve one registry while it is upgraded, machine by machine."""

from pathlib import Path

import psycopg
import pytest

from tests.production.load import load_on
from tests.production.previous import previous_version, unpack
from tests.production.stack import Stack

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(900)]


def test_an_upgrade_machine_by_machine_refuses_nobody(stack: Stack, tmp_path: Path) -> None:
    before = tmp_path / "before"
    unpack(previous_version(), before)
    _begin_anew(stack, before)

    with load_on(stack, "upgraded") as load:
        stack.manage("migrate")
        stack.restart_one_by_one()

    assert load.result.refusals == []
    assert load.lost() == []


def _begin_anew(stack: Stack, root: Path) -> None:
    """The web servers become those of an empty registry of the version at ``root``."""
    with psycopg.connect(stack.database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE upgraded")
    stack.environment |= {
        **stack.s3.environment(),
        "BERTH_DB_URI": stack.database.replace("/postgres?", "/upgraded?"),
    }
    for number in (0, 1):
        stack.webs[number].stop()
    for number in (0, 1):
        stack.start_web(number, root=root)
    stack.wait_until_ready()
