"""Kinds are told from all types of a manifest: what only borrowed an image's config is no image."""

from typing import Any

from django.db import migrations, models

from artifacts.kinds.kinds import Kind, kind_of
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import OCIError

_ROWS_PER_QUERY = 200
_CHANGING = ("image", "index", "artifact")


def tell_kinds_again(apps: Any, schema_editor: Any) -> None:
    manifests = apps.get_model("manifests", "Manifest").objects
    chosen = manifests.filter(kind__in=_CHANGING).only("body", "media_type", "kind", "repository")
    after = 0
    while rows := list(chosen.filter(pk__gt=after).order_by("pk")[:_ROWS_PER_QUERY]):
        for row in rows:
            try:
                kind = kind_of(ManifestDocument.parse(bytes(row.body), row.media_type))
            except OCIError:
                continue  # stored under older rules
            if kind != row.kind:
                manifests.filter(pk=row.pk).update(kind=kind)
                _tell_repository_again(apps, row.repository_id, row.kind, kind)
        after = rows[-1].pk


def _tell_repository_again(apps: Any, repository: int, old: str, new: str) -> None:
    """Where nothing of the old kind is left, the repository holds what it turned out to be."""
    manifests = apps.get_model("manifests", "Manifest").objects
    if not manifests.filter(repository=repository, kind=old, deleted_at=None).exists():
        repositories = apps.get_model("repositories", "Repository").objects
        repositories.filter(pk=repository, kind=old).update(kind=new)


class Migration(migrations.Migration):
    dependencies = [("manifests", "0005_by_digest"), ("repositories", "0006_more_kinds")]

    operations = [
        migrations.AlterField(
            model_name="manifest",
            name="kind",
            field=models.CharField(
                choices=[(kind, kind) for kind in Kind], default=Kind.ARTIFACT, max_length=20
            ),
        ),
        migrations.RunPython(tell_kinds_again, migrations.RunPython.noop),
    ]
