"""Tags of all repositories are found by their names."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tags", "0003_lists_and_history"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="tag",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["name", "id"], name="tag_by_name"
            ),
        ),
    ]
