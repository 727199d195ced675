"""Witnesses, seals of days, and decisions on quarantine."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0007_keys"),)
    operations = ddl_steps("0008")
