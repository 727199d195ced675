"""What may go by a rule of retention, and bodies that go while what is counted stays."""

from django.db import migrations

from tallystick.ops.schema.rooms import ddl_steps


class Migration(migrations.Migration):
    """Runs the DDL files with this number. The pages' sessions are Django's own table."""

    dependencies = (("schema", "0019_buyers"), ("sessions", "0001_initial"))
    operations = ddl_steps("0020")
