"""Authorities and uses of keys stay as they were entered."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0021_services"),)
    operations = ddl_steps("0022")
