"""Django's backend for SQLite, with a line for its writers. ``ENGINE`` names the package."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from registry.metrics import traces
from registry.rows.sqlite.line import Line, TurnTimeout, line_of

# What writes without BEGIN, in the ways Django and our own statements spell it.
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_TIMEOUT_SECONDS = 5.0  # SQLite's own


class DatabaseWrapper(base.DatabaseWrapper):
    """Waits for its turn before a transaction begins, and before a statement that is one."""

    _has_turn = False
    _line: Line

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if traces.are_wanted():
            self.execute_wrappers.append(traces.statement)

    def begin_turn(self) -> None:
        try:
            self._line.begin(self.settings_dict["OPTIONS"].get("timeout", _TIMEOUT_SECONDS))
        except TurnTimeout:
            raise OperationalError("database is locked") from None
        self._has_turn = True

    def end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._line.end()

    def get_new_connection(self, conn_params: Any) -> Any:
        self._line = line_of(None if self.is_in_memory_db() else Path(conn_params["database"]))
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: Any = None) -> Any:
        cursor = self.connection.cursor(factory=_Cursor)
        cursor.database = self
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        self.begin_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self.end_turn()
            raise

    def _commit(self) -> None:
        # What fails is rolled back next.
        super()._commit()  # type: ignore[misc]
        self.end_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self.end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self.end_turn()


class _Cursor(base.SQLiteCursorWrapper):
    database: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:
        return self._in_turn(super().execute, query, params)

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        return self._in_turn(super().executemany, query, param_list)

    def _in_turn(self, run: Callable[[str, Any], Any], query: str, values: Any) -> Any:
        if self._is_no_transaction_of_its_own(query):
            return run(query, values)
        self.database.begin_turn()
        try:
            return run(query, values)
        finally:
            self.database.end_turn()

    def _is_no_transaction_of_its_own(self, query: str) -> bool:
        return self.connection.in_transaction or not query.lstrip()[:7].upper().startswith(_WRITES)
