"""Devices of the national channels: certificates, registration, first requests; agreements of taxpayers."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0024_branches"),)
    operations = ddl_steps("0025")
