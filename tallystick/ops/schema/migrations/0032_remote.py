"""Commands to devices of the national channels, and how often a device calls and is refused."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0031_erp"),)
    operations = ddl_steps("0032")
