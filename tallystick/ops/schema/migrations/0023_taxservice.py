"""The queue of documents to the tax authority's own system."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0022_keep"),)
    operations = ddl_steps("0023")
