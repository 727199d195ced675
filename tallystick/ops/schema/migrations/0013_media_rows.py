"""Row security for what people carry to the portal on media."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0012_builds"),)
    operations = ddl_steps("0013")
