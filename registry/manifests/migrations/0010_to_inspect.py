from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("manifests", "0009_moments")]

    operations = [
        AddIndexBesideWriters(
            model_name="manifest",
            index=models.Index(
                condition=models.Q(
                    ("inspected_at", None),
                    ("kind__in", ("attestation", "helm chart", "signature")),
                ),
                fields=["id"],
                name="manifest_to_inspect",
            ),
        ),
    ]
