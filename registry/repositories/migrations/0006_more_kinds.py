"""A repository may hold models, and caches of builds."""

from django.db import migrations, models

from artifacts.kinds.kinds import Kind


class Migration(migrations.Migration):
    dependencies = [("repositories", "0005_deleted_repositories_and_name_parts")]

    operations = [
        migrations.AlterField(
            model_name="repository",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[(kind, kind) for kind in Kind],
                help_text="what was last tagged in it, signatures and the like aside",
                max_length=20,
            ),
        ),
    ]
