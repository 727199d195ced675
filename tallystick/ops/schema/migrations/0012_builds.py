"""Makers, certified builds, and the build behind a device's token."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0011_anchor"),)
    operations = ddl_steps("0012")
