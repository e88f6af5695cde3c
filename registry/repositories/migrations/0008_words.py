"""What is inside of what repositories are called and say of themselves is found by three letters.

Both databases keep an index of trigrams by themselves, whatever version of Berth writes. On SQLite
triggers fill it: a migration that makes the table of repositories anew has to make them again.
"""

import logging
from typing import Any

from django.db import DatabaseError, migrations, models

logger = logging.getLogger(__name__)

_COLUMNS = ("path", "description", "words")
_NAMES = ", ".join(_COLUMNS)
_OLD = ", ".join(f"old.{column}" for column in _COLUMNS)
_NEW = ", ".join(f"new.{column}" for column in _COLUMNS)
_FORGET = f"""
    INSERT INTO repositories_trigrams (repositories_trigrams, rowid, {_NAMES})
    VALUES ('delete', old.id, {_OLD});
"""  # noqa: S608 - made of the constants above
_KEEP = f"INSERT INTO repositories_trigrams (rowid, {_NAMES}) VALUES (new.id, {_NEW});"  # noqa: S608

SQLITE = (
    f"""
    CREATE VIRTUAL TABLE repositories_trigrams USING fts5(
        {_NAMES}, content='repositories_repository', content_rowid='id', tokenize='trigram'
    )
    """,
    "INSERT INTO repositories_trigrams (repositories_trigrams) VALUES ('rebuild')",
    f"""
    CREATE TRIGGER repositories_trigrams_insert AFTER INSERT ON repositories_repository
    BEGIN {_KEEP} END
    """,
    f"""
    CREATE TRIGGER repositories_trigrams_delete AFTER DELETE ON repositories_repository
    BEGIN {_FORGET} END
    """,
    f"""
    CREATE TRIGGER repositories_trigrams_update AFTER UPDATE OF {_NAMES} ON repositories_repository
    BEGIN {_FORGET} {_KEEP} END
    """,
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS repository_trigrams ON repositories_repository"
    f" USING gin ({', '.join(f'{column} gin_trgm_ops' for column in _COLUMNS)})",
)


def keep_trigrams(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            for statement in SQLITE:
                cursor.execute(statement)
            return
        try:
            for statement in POSTGRESQL:
                cursor.execute(statement)
        except DatabaseError as error:
            # The same questions are answered by reading the table.
            logger.warning("search is slower without PostgreSQL's pg_trgm: %s", error)


def forget_trigrams(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("DROP INDEX CONCURRENTLY IF EXISTS repository_trigrams")
            return
        for event in ("insert", "delete", "update"):
            cursor.execute(f"DROP TRIGGER repositories_trigrams_{event}")
        cursor.execute("DROP TABLE repositories_trigrams")


class Migration(migrations.Migration):
    atomic = False  # an index that keeps no writer out is made outside a transaction

    dependencies = [
        ("repositories", "0007_stars"),
    ]

    operations = [
        migrations.AddField(
            model_name="repository",
            name="words",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="what its content was last said to be, for search",
            ),
        ),
        migrations.RunPython(keep_trigrams, forget_trigrams),
    ]
