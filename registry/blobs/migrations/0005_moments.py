from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("blobs", "0004_closed_sessions")]

    operations = [
        AddIndexBesideWriters(
            model_name="bloblink",
            index=models.Index(fields=["last_pushed_at"], name="blob_link_leases"),
        ),
    ]
