"""Stored manifests name as children all that may come, or is here, as a blob or a manifest."""

import json
from collections.abc import Iterator

from django.apps.registry import Apps
from django.db import connection, migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_BATCH_ROWS = 100
# What a manifest needs as a blob and the repository has as a manifest too.
_BOTH = """
    INSERT INTO manifests_manifestchild (parent_id, child_digest)
    SELECT DISTINCT need.manifest_id, twin.digest
    FROM manifests_manifest twin
    JOIN blobs_bloblink link ON link.repository_id = twin.repository_id
                            AND link.blob_id = twin.digest
    JOIN manifests_manifestblob need ON need.link_id = link.id
    WHERE true
    ON CONFLICT DO NOTHING
"""
# Layers of these types need not be here when their manifest comes.
_FOREIGN = ("nondistributable", "foreign.diff")
_HAS_FOREIGN = {
    "sqlite": "SELECT id FROM manifests_manifest WHERE instr(body, CAST(%s AS BLOB)) > 0",
    "postgresql": "SELECT id FROM manifests_manifest"
    " WHERE position(convert_to(%s, 'UTF8') in body) > 0",
}


def name_children(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BOTH)
    child = apps.get_model("manifests", "ManifestChild")
    held = apps.get_model("manifests", "ManifestBlob").objects
    for pk, body in _with_foreign_layers(apps):
        here = set(held.filter(manifest=pk).values_list("link__blob_id", flat=True))
        child.objects.bulk_create(
            [child(parent_id=pk, child_digest=digest) for digest in sorted(_layers(body) - here)],
            ignore_conflicts=True,
            batch_size=_BATCH_ROWS,
        )


def _with_foreign_layers(apps: Apps) -> Iterator[tuple[int, bytes]]:
    keys: set[int] = set()
    with connection.cursor() as cursor:
        for word in _FOREIGN:
            cursor.execute(_HAS_FOREIGN[connection.vendor], [word])
            keys.update(pk for (pk,) in cursor.fetchall())
    rows = apps.get_model("manifests", "Manifest").objects
    for start in range(0, len(keys), _BATCH_ROWS):
        chosen = sorted(keys)[start : start + _BATCH_ROWS]
        for pk, body in rows.filter(pk__in=chosen).values_list("pk", "body"):
            yield pk, bytes(body)


def _layers(body: bytes) -> set[str]:
    try:
        document = json.loads(body)
    except ValueError:
        return set()
    layers = document.get("layers") if isinstance(document, dict) else None
    found = (one.get("digest") for one in layers or () if isinstance(one, dict))
    return {digest for digest in found if isinstance(digest, str) and len(digest) <= 135}


class Migration(migrations.Migration):
    dependencies = [
        ("manifests", "0006_kinds_told_again"),
        ("blobs", "0003_keys_in_the_order_of_their_bytes"),
    ]

    operations = [migrations.RunPython(name_children, migrations.RunPython.noop)]
