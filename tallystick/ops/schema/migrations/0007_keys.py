"""The authority's keys: which there are, what they were used for, and what the ledger is told of them."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0006_pki"),)
    operations = ddl_steps("0007")
