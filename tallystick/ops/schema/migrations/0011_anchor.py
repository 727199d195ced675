"""Heads of the activity log that the ledger was told of."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0010_rules"),)
    operations = ddl_steps("0011")
