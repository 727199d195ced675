"""Proofs of audit, wired: what the device API hands in, and what the worker decides."""

from __future__ import annotations

from collections.abc import Set
from datetime import timedelta

from tallystick.authority.intake import queries as intake
from tallystick.authority.intake.unwrap_client import open_arp_blocking
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.projections.audit.operations import AuditDesk
from tallystick.authority.projections.audit.strategies import EveryDocument
from tallystick.authority.projections.audit.tasks import ProofServices
from tallystick.crypto.envelope import sign_with_recovery
from tallystick.ops.processes.context import Context, DatabaseConnection

_STRATEGIES = {
    "production": EveryDocument(),
    "demo": EveryDocument(settle=timedelta(seconds=2), pause=timedelta(seconds=1)),
}


class _KeptApart:
    """The intake's quarantine and evidence, asked by the audit room, which does not know the intake."""

    def ordinals(self, conn: DatabaseConnection, signed_by: str, first: int, last: int) -> Set[int]:
        """Ordinals that are kept, but not booked."""
        return intake.kept_ordinals(conn, signed_by, first, last)

    def turnover(self, conn: DatabaseConnection, signed_by: str, first: int, last: int) -> int:
        """What they add to the card's unaudited sum."""
        return intake.kept_turnover(conn, signed_by, first, last)


def audit_desk(context: Context) -> AuditDesk:
    """The device API's door to proofs of audit."""
    sockets = context.unwrap_sockets
    return AuditDesk(open_arp=lambda block: open_arp_blocking(sockets, block), apart=_KeptApart())


def proof_services(context: Context) -> ProofServices:
    """What the worker needs to decide; it alone holds the proof key."""
    key = context.pki.private_key("poa")
    socket = context.socket("sequencer")
    return ProofServices(
        strategy=_STRATEGIES[context.settings.timing],
        apart=_KeptApart(),
        sign=lambda message: sign_with_recovery(message, key),
        append=lambda entry: append_blocking(socket, entry),
    )
