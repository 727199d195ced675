"""Timestamps, trust lists, names in the register of certificates; holds of an element and of its certificate apart."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from tallystick.crypto.certificate_facts import read_facts
from tallystick.kernel.faults import Fault
from tallystick.ops.schema.rooms import ddl_steps

_BATCH = 1_000


def name_subjects(_: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Take the names out of the certificates that are there."""
    after = 0
    with editor.connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT issuance_id, certificate FROM pki.issuance WHERE state = 'issued' AND issuance_id > %s"
                " ORDER BY issuance_id LIMIT %s",
                [after, _BATCH],
            )
            rows = cursor.fetchall()
            if not rows:
                return
            named = [(_subject(bytes(certificate)), number) for number, certificate in rows]
            cursor.executemany("UPDATE pki.issuance SET subject = %s WHERE issuance_id = %s", named)
            after = rows[-1][0]


def _subject(certificate: bytes) -> str:
    try:
        return read_facts(certificate).subject.replace("\0", "")
    except Fault:
        return ""


class Migration(migrations.Migration):
    """Runs the DDL files with this number, and reads the names of what was issued before."""

    dependencies = (("schema", "0020_retention"),)
    operations = (*ddl_steps("0021"), migrations.RunPython(name_subjects, migrations.RunPython.noop))
