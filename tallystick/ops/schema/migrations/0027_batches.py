"""The offline channel: batches of hardware registers."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0028_claims"),)
    operations = ddl_steps("0027")
