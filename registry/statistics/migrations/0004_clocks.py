from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("statistics", "0003_refused_host")]

    operations = [
        migrations.AddField(
            model_name="serverprocess",
            name="clock_ahead_seconds",
            field=models.FloatField(
                default=0.0,
                db_default=0.0,
                help_text="how far its clock is ahead of the database's",
            ),
        ),
    ]
