"""Issuing authorities that are withdrawn."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0023_taxservice"),)
    operations = ddl_steps("0024")
