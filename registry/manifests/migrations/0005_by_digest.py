"""Manifests of all repositories are found by their digests."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("manifests", "0004_digests_in_the_order_of_their_bytes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="manifest",
            index=models.Index(fields=["digest", "id"], name="manifest_by_digest"),
        ),
    ]
