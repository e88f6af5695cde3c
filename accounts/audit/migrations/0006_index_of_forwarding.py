from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexBesideWriters(AddIndexConcurrently):
    """SQLite has one writer at a time anyhow."""

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


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("audit", "0005_forwarding"),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(("to_forward", True)), fields=["id"], name="audit_to_forward"
            ),
        ),
    ]
