"""Decisions of two officers about many documents of a device."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number."""

    dependencies = (("schema", "0041_rates_asked_for"),)
    operations = ddl_steps("0042")
