"""The ERP channel: keys of acts, and refunds by device."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0027_batches"),)
    operations = ddl_steps("0031")
