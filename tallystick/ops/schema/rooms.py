"""Which rooms own tables, in the order in which their DDL can run: a room comes after those that it refers to."""

from pathlib import Path

from django.db.migrations import RunSQL

import tallystick.authority

ROOMS = (
    "oversight/activity",
    "oversight/approvals",
    "keys",
    "reference/registry",
    "reference/agreements",
    "reference/taxrates",
    "reference/commands",
    "reference/rules",
    "reference/builds",
    "reference/pki",
    "reference/remote",
    "reference/production",
    "channels/sdc",
    "ledger",
    "intake",
    "assurance/witnesses",
    "assurance/seals",
    "projections/audit",
    "projections/inspections",
    "projections/personal",
    "projections/verification",
    "projections/taxservice",
    "channels/vsdc",
    "channels/ecr/batches",
    "channels/ecr",
    "channels/erp",
    "projections/retention",
)


def ddl_steps(number: str) -> list[RunSQL]:
    """One migration operation for each file `schema/<number>_*.sql` of a room, in the order of the rooms."""
    authority = Path(tallystick.authority.__path__[0])
    files = [file for room in ROOMS for file in sorted((authority / room / "schema").glob(f"{number}_*.sql"))]
    return [RunSQL(file.read_text(encoding="utf-8"), reverse_sql=None) for file in files]
