"""Every chart is read again: whether Helm loads what stands beside Chart.yaml is known then."""

from typing import Any

from django.db import migrations, models


def ask_for_another_look(apps: Any, schema_editor: Any) -> None:
    """The job that makes up for missed inspections finds them. Until then the old rows stay."""
    manifests = apps.get_model("manifests", "Manifest").objects
    manifests.filter(kind="helm chart").update(inspected_at=None)


class Migration(migrations.Migration):
    dependencies = [("charts", "0004_by_archive")]

    operations = [
        migrations.AddField(
            model_name="chartversion",
            name="is_refused",
            field=models.BooleanField(default=False, help_text="Helm does not load it"),
        ),
        migrations.RunPython(ask_for_another_look, migrations.RunPython.noop),
    ]
