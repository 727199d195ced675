"""Every deed that two persons decide, and where: on the general page and at a shell, or in its own room alone.

Most are carried out by somebody else once they are approved, so it does not matter where the approval was given. The
others are done by their room in the moment of the approval: approved elsewhere they would be done by nobody.
"""

from __future__ import annotations

from tallystick.authority.assurance.witnesses.operations import CHANGE_POLICY
from tallystick.authority.intake.decisions import DECIDE
from tallystick.authority.intake.many import DECIDE_MANY
from tallystick.authority.intake.places import SETTLE
from tallystick.authority.oversight.approvals import operations
from tallystick.authority.projections.personal.export import EXPORT
from tallystick.authority.projections.personal.operations import ERASE
from tallystick.authority.reference.builds.operations import REVOKE
from tallystick.authority.reference.pki.revoking import REVOKE_MANY
from tallystick.authority.reference.pki.withdrawing import WITHDRAW
from tallystick.authority.reference.production.batches import OPEN_DEED
from tallystick.authority.reference.registry.users import APPOINT
from tallystick.authority.reference.remote.many import GIVE_MANY
from tallystick.authority.reference.taxrates.operations import PUBLISH
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault

DECIDED_ANYWHERE = frozenset(
    {
        APPOINT, CHANGE_POLICY, DECIDE, DECIDE_MANY, EXPORT, ERASE, GIVE_MANY, PUBLISH, REVOKE, REVOKE_MANY, SETTLE,
        WITHDRAW,
    }
)  # fmt: skip
DECIDED_IN_ITS_ROOM = frozenset({OPEN_DEED})


def must_be_decided_anywhere(conn: Connection, number: int) -> None:
    """Raises ``TS-4003`` for a request that does not exist, ``TS-4022`` for one that its own room decides.

    The request is held until the transaction ends.
    """
    deed = operations.deed_of(conn, number)
    if deed not in DECIDED_ANYWHERE:
        raise Fault("TS-4022", detail=f"{deed} is done by its own room in the moment of the approval")
