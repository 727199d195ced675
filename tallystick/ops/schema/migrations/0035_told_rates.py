"""Which devices were told of which rate group."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0032_remote"),)
    operations = ddl_steps("0035")
