"""Tags such as 2024.01.15 have their place in the order of versions too."""

from typing import Any

from django.db import migrations

from artifacts.charts.versions import sort_key

_ROWS_PER_QUERY = 500


def order_tags(apps: Any, schema_editor: Any) -> None:
    tags = apps.get_model("tags", "Tag").objects
    columns = ("name", "sort_key")
    after = 0
    while rows := list(tags.filter(pk__gt=after).order_by("pk").only(*columns)[:_ROWS_PER_QUERY]):
        moved = []
        for row in rows:
            key = sort_key(row.name.replace("_", "+")) or ""
            if key != row.sort_key:
                row.sort_key = key
                moved.append(row)
        tags.bulk_update(moved, ["sort_key"])
        after = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("tags", "0004_by_name")]

    operations = [migrations.RunPython(order_tags, migrations.RunPython.noop)]
