"""Which requests are decided on the general page and at a shell: those that somebody carries out once they are approved.

The others are carried out by their own room in the moment of the approval. Approved elsewhere they would be done by
nobody, so here they are only shown, with the way to their page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from tallystick.authority.assurance.witnesses.operations import CHANGE_POLICY
from tallystick.authority.intake.decisions import DECIDE
from tallystick.authority.oversight.approvals import operations
from tallystick.authority.projections.personal.export import EXPORT
from tallystick.authority.projections.personal.operations import ERASE
from tallystick.authority.reference.builds.operations import REVOKE
from tallystick.authority.reference.pki.revoking import REVOKE_MANY
from tallystick.authority.reference.production.batches import OPEN_DEED
from tallystick.kernel.faults import Fault

DECIDED_HERE = frozenset({CHANGE_POLICY, DECIDE, EXPORT, ERASE, REVOKE, REVOKE_MANY})
OWN_PAGES: Mapping[str, tuple[str, str]] = {OPEN_DEED: ("production", "Fiscal modules")}
"""Name and title of the page on which a deed is decided that is not decided here."""


def must_be_decided_here(conn: psycopg.Connection[Any], number: int) -> None:
    """Raises ``TS-4003`` for a request that does not exist, or that its own room decides."""
    deed = operations.deed_of(conn, number)
    if deed not in DECIDED_HERE:
        _, title = OWN_PAGES.get(deed, ("", ""))
        where = f"the page {title}" if title else "a page of its own room"
        raise Fault("TS-4003", detail=f"{deed} is not decided here but on {where}")
