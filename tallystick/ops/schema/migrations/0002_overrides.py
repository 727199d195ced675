"""Overrides of proof of audit by two officers (S2-104)."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the second DDL file of the audit room."""

    dependencies = (("schema", "0001_rooms"),)
    operations = ddl_steps("0002")
