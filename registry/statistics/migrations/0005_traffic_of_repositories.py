from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("statistics", "0004_clocks")]

    operations = [
        AddIndexBesideWriters(
            model_name="dailytraffic",
            index=models.Index(
                condition=models.Q(("reference", "")),
                fields=["day"],
                name="traffic_of_repositories_by_day",
            ),
        ),
    ]
