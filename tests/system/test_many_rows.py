"""The rows that ``benchmarks.scale`` makes inside PostgreSQL are what pushes would have left."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import psycopg
import pytest

from benchmarks.scale.rows import LIVE_TAGS, MANIFESTS, link_bytes, multiply
from tests.live import RunningServer, start_server
from tests.private_postgres import installed_programs, kept_cluster

REPOSITORIES, TAGS = 3, 5
_KEPT = {"max_wal_size": "1GB"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("scale")
    for above in (found, *found.parents):  # PostgreSQL does not run as root
        if above == Path(gettempdir()):
            break
        above.chmod(0o755)
    return found


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    with kept_cluster(installed_programs(), folder / "postgresql", _KEPT) as uri:
        found = start_server(
            folder / "data",
            environment={"BERTH_DB_URI": uri, "WORKERS": "1"},
            is_first_start=True,
            only="web",
        )
        found.manage("generate_data", f"--repositories={REPOSITORIES}", f"--tags={TAGS}")
        with psycopg.connect(uri, autocommit=True) as connection:
            before = _definitions(connection)
            list(multiply(connection))
            link_bytes(connection, folder / "data" / "blobs")
            assert _definitions(connection) == before
        yield found
        found.stop()


def test_nothing_is_missing_and_nothing_is_garbage(server: RunningServer) -> None:
    said = server.manage("fsck", "--dry-run")

    ours = REPOSITORIES + 1  # of ``generate_data``
    assert f"{REPOSITORIES * MANIFESTS + ours} manifests examined, 0 problems" in said, said
    assert "Would free 0 bytes." in server.manage("gc", "--dry-run")


def test_there_are_as_many_tags_as_was_said(server: RunningServer) -> None:
    with psycopg.connect(server.environment["BERTH_DB_URI"]) as connection:
        row = connection.execute("SELECT count(*) FROM tags_tag WHERE ended_at IS NULL").fetchone()

    assert row == (REPOSITORIES * LIVE_TAGS + TAGS + REPOSITORIES - 1,)


def _definitions(connection: psycopg.Connection) -> set[str]:
    rows = connection.execute(
        # By name: what is made again from its definition is written in another form.
        "SELECT tablename || indexname FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
        " SELECT conrelid::regclass || conname FROM pg_constraint"
    )
    return {text for (text,) in rows.fetchall()}
