from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("manifests", "0008_own_labels")]

    operations = [
        AddIndexBesideWriters(
            model_name="manifest",
            index=models.Index(fields=["last_pushed_at"], name="manifest_leases"),
        ),
        AddIndexBesideWriters(
            model_name="manifest",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["deleted_at"],
                name="manifest_deletions",
            ),
        ),
    ]
