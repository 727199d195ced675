"""Places of a register's sequence that two officers settled as lost."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0038_announced_by"),)
    operations = ddl_steps("0040")
