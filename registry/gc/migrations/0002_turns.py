from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("gc", "0001_leases")]

    operations = [migrations.RenameModel("Lease", "Turn")]
