"""Indexes that a migration makes while the version before goes on writing."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class AddIndexBesideWriters(AddIndexConcurrently):
    """For migrations that are not ``atomic``. SQLite has one writer at a time anyhow."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        how = _for(schema_editor)
        how.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        how = _for(schema_editor)
        how.database_backwards(self, app_label, schema_editor, from_state, to_state)


def _for(schema_editor: Any) -> type[migrations.AddIndex]:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    return AddIndexConcurrently if is_postgresql else migrations.AddIndex
