"""Deleted repositories stay a while beside others of their names; names are found by their words."""

import re
from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import registry.rows.fields

_BATCH_ROWS = 1000


def take_names_apart(apps: Any, schema_editor: Any) -> None:
    part = apps.get_model("repositories", "NamePart")
    repositories = apps.get_model("repositories", "Repository").objects.order_by("pk")
    part.objects.bulk_create(
        (
            part(repository_id=pk, text=path[word.start() :])
            for pk, path in repositories.values_list("pk", "path")
            for word in re.finditer(r"[a-z0-9]+", path)
        ),
        batch_size=_BATCH_ROWS,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("repositories", "0004_kind_and_last_push"),
    ]

    operations = [
        migrations.CreateModel(
            name="NamePart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", registry.rows.fields.AsciiField(max_length=255)),
                (
                    "repository",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="name_parts",
                        to="repositories.repository",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["text", "repository"], name="name_part_by_text"),
                ],
            },
        ),
        migrations.RunPython(take_names_apart, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name="repository",
            name="one_repository_per_name_in_a_namespace",
        ),
        migrations.AlterField(
            model_name="repository",
            name="path",
            field=registry.rows.fields.AsciiField(max_length=255),
        ),
        migrations.AddField(
            model_name="repository",
            name="deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="repository",
            name="deleted_by",
            field=models.CharField(blank=True, editable=False, max_length=255),
        ),
        migrations.AddField(
            model_name="repository",
            name="removal_began_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="from then on it cannot be undeleted",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="repository",
            constraint=models.UniqueConstraint(
                fields=("path",),
                condition=Q(deleted_at=None),
                name="one_repository_per_path",
            ),
        ),
        migrations.AddConstraint(
            model_name="repository",
            constraint=models.UniqueConstraint(
                fields=("namespace", "name"),
                condition=Q(deleted_at=None),
                name="one_repository_per_name_in_a_namespace",
            ),
        ),
        migrations.AddIndex(
            model_name="repository",
            index=models.Index(
                fields=["namespace", "-deleted_at", "-id"],
                condition=Q(deleted_at__isnull=False),
                name="repository_deleted",
            ),
        ),
    ]
