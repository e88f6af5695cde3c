"""Charts of all repositories are found by their names."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("charts", "0001_charts"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="chartversion",
            index=models.Index(fields=["name", "repository"], name="chart_by_name"),
        ),
    ]
