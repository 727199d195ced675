"""Places of a register's sequence that two officers settled as lost."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0039_refunds_of_every_channel"),)
    operations = ddl_steps("0040")
