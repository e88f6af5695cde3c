from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tags", "0005_versions_as_helm_reads_them")]

    operations = [
        AddIndexBesideWriters(
            model_name="tag",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["ended_at"],
                name="tag_ends_of_all",
            ),
        ),
    ]
