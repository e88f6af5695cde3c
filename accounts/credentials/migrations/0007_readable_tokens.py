from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("credentials", "0006_robot_federation"),
    ]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="sealed",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="the secret, encrypted, where ROBOT_TOKENS_READABLE wants it",
            ),
        ),
    ]
