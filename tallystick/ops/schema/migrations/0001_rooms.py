"""The tables that the first walk needs, from till to proof of audit."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the first DDL file of every room, in the order of the rooms."""

    initial = True
    operations = ddl_steps("0001")
