"""A column that may be NULL: SQLite adds it without making the table, and its triggers, anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("repositories", "0008_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="repository",
            name="read_only_since",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="from then on nobody may push to it or delete from it; empty: it is not",
                null=True,
            ),
        ),
    ]
