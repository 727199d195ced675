"""Receipts to be sent to buyers, from the national online channel."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0025_devices"),)
    operations = ddl_steps("0026")
