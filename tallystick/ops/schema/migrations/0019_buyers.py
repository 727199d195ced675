"""The salts of the commitments to buyers."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0017_orders"),)
    operations = ddl_steps("0019")
