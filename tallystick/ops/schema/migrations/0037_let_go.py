"""Finds keys of refused acts, which go sooner than others; notes where registers stand."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0036_channel_retention"),)
    operations = ddl_steps("0037")
