"""Migrations and what else uses the database. SQLite has one writer anyhow."""

import pytest
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection


@pytest.mark.django_db(transaction=True)
def test_a_migration_waits_for_a_table_as_long_as_need_be(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(migrate.Command, "handle", lambda *_, **__: seen.append(_lock_timeout()))

    before = _lock_timeout()
    call_command("migrate")

    assert [before, *seen, _lock_timeout()] == ["30s", "0", "30s"]


def _lock_timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        return str(cursor.fetchall()[0][0])
