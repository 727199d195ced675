"""Whose certificate announced a batch of an offline register."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0037_let_go"),)
    operations = ddl_steps("0038")
