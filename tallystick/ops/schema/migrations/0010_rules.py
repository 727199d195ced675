"""The national rules as they were adopted."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0009_production"),)
    operations = ddl_steps("0010")
