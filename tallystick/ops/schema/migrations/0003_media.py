"""Users of taxpayers, and what they carry to the portal on media."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files of this number."""

    dependencies = (("schema", "0002_overrides"),)
    operations = ddl_steps("0003")
