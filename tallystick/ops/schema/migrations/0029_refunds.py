"""What refunds take from their originals."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0026_ecr"),)
    operations = ddl_steps("0029")
