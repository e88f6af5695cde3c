"""Every chart is read again: more versions are versions, and more of a chart is kept."""

from typing import Any

from django.db import migrations, models

import registry.rows.fields


def ask_for_another_look(apps: Any, schema_editor: Any) -> None:
    """The job that makes up for missed inspections finds them. Until then the old rows stay."""
    manifests = apps.get_model("manifests", "Manifest").objects
    manifests.filter(kind="helm chart").update(inspected_at=None)


class Migration(migrations.Migration):
    dependencies = [
        ("charts", "0002_by_name"),
        ("manifests", "0005_by_digest"),
    ]

    operations = [
        migrations.AddField(
            model_name="chartversion",
            name="lock_json",
            field=models.TextField(default="[]", help_text="the dependencies of Chart.lock"),
        ),
        migrations.AddField(
            model_name="chartversion",
            name="readme_name",
            field=registry.rows.fields.AsciiField(
                blank=True, help_text="as it is spelled", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="chartversion",
            name="subcharts_json",
            field=models.TextField(default="[]", help_text="what is packed below charts/"),
        ),
        migrations.RunPython(ask_for_another_look, migrations.RunPython.noop),
    ]
