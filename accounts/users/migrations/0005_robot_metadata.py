from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0004_addresses_of_several"),
    ]

    operations = [
        migrations.AddField(
            model_name="robot",
            name="metadata",
            field=models.JSONField(
                blank=True,
                editable=False,
                help_text="what programs note about it for themselves",
                null=True,
            ),
        ),
    ]
