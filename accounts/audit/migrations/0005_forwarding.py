from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_exports"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditevent",
            name="to_forward",
            field=models.BooleanField(
                db_default=False, default=False, help_text="whether it waits to be told elsewhere"
            ),
        ),
    ]
