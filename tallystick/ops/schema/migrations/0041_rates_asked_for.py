"""Which request of two persons published a rate group."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0040_settled_places"),)
    operations = ddl_steps("0041")
