"""``berth move_database``: from SQLite to PostgreSQL, while Berth does not run."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend
from pydantic import ValidationError

from config.keys.configuration import Configuration
from config.keys.paths import BASE_DIR
from config.keys.places import database_settings
from config.serving import tls
from config.serving.preparation import StartRefused, lock_folder
from registry.keeping.moving import MoveRefused, make_ready, move_rows
from registry.keeping.tables import snapshot
from registry.statistics.readiness import pending_migrations

_NOTE = "moving.json"
_MIGRATE = "from config.cli import main; main()"


class Command(BaseCommand):
    help = (
        "Copy everything from the SQLite of this registry to an empty PostgreSQL. Berth must not"
        " run meanwhile. What breaks off goes on with the same command. SQLite stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("to", help="postgresql://USER:PASSWORD@HOST:PORT/NAME")

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("the database of this registry is not SQLite: there is no need")
        if not to.startswith("postgresql://"):
            raise CommandError("name a database as postgresql://USER:PASSWORD@HOST:PORT/NAME")
        if pending_migrations():
            raise CommandError("the tables are behind this version: run 'berth migrate' first")
        try:
            lock_folder(settings.DATA_DIR)
            self._migrate(to)
            with _target(to) as target:
                self._move(to, target)
        except (StartRefused, MoveRefused) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database refused to work: {error}") from error

    def _move(self, to: str, target: BaseDatabaseWrapper) -> None:
        source, note = Path(connection.settings_dict["NAME"]), settings.DATA_DIR / _NOTE
        about = {"to": hashlib.sha256(to.encode()).hexdigest(), "source": _state(source)}
        if _noted(note) != about:
            make_ready(target)
            tls.write_private(note, json.dumps(about).encode())
        else:
            self.stdout.write("Going on where the last move broke off.")
        with snapshot() as moment:
            rows = move_rows(moment, target, tell=self._tell)
        note.unlink()
        self.stdout.write(
            f"{rows:,} rows are in the new database. Set DB_URI to it, then start Berth."
            f" {source} is needed no more."
        )

    def _tell(self, line: str) -> None:
        self.stderr.write(line)

    def _migrate(self, to: str) -> None:
        """In a process that knows no other database: migrations write rows, too."""
        environment = {**os.environ, "BERTH_DB_URI": to, "PYTHONPATH": str(BASE_DIR)}
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-c", _MIGRATE, "migrate", "--no-input", "--verbosity", "0"],
            env={**environment, "BERTH_DATA": str(settings.DATA_DIR)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = (done.stderr.strip() or "no reason was given").splitlines()[-1]
            raise MoveRefused(f"the tables cannot be made there: {reason}")


@contextmanager
def _target(uri: str) -> Iterator[BaseDatabaseWrapper]:
    """A connection without a pool, which commits when it is told to."""
    try:
        configuration = Configuration.model_validate({"DB_URI": uri})
    except ValidationError as error:
        raise MoveRefused("that is no postgresql://USER:PASSWORD@HOST:PORT/NAME") from error
    named = database_settings(configuration, data=settings.DATA_DIR)
    options = {name: value for name, value in named["OPTIONS"].items() if name != "pool"}
    complete = {**connection.settings_dict, **named, "OPTIONS": options}
    target = load_backend(named["ENGINE"]).DatabaseWrapper(complete, alias="target")
    try:
        target.set_autocommit(False)
        yield target
    finally:
        if target.connection is not None:
            target.rollback()
            target.close()


def _noted(note: Path) -> Any:
    try:
        return json.loads(note.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _state(database: Path) -> list[int]:
    """Another one after each change. What waited beside the file is in it afterwards."""
    with closing(sqlite3.connect(database)) as whole:
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    status = database.stat()
    return [status.st_size, status.st_mtime_ns]
