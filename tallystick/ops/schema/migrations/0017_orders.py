"""Orders asked for anew, one person under all his names, and rules of four eyes that the tables hold themselves."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0016_closed"),)
    operations = ddl_steps("0017")
