from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("audit", "0005_forwarding"),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(("to_forward", True)), fields=["id"], name="audit_to_forward"
            ),
        ),
    ]
