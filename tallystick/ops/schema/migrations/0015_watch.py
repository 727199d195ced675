"""Cases, their evidence, and what the detectors remember."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0014_hosted"),)
    operations = ddl_steps("0015")
