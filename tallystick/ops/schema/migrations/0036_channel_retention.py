"""What the national channels keep beside the ledger has its months."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0035_told_rates"),)
    operations = ddl_steps("0036")
