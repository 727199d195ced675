"""Proofs of audit, wired: what the device API hands in, and what the worker decides."""

from __future__ import annotations

from datetime import timedelta

from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.intake.unwrap_client import open_arp_blocking
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.projections.audit.operations import AuditDesk
from tallystick.authority.projections.audit.strategies import (
    AtOnceWhenTrusted,
    EveryDocument,
    IssuanceStrategy,
)
from tallystick.authority.projections.audit.tasks import ProofServices
from tallystick.crypto.envelope import sign_with_recovery
from tallystick.kernel.fixed_point import Money
from tallystick.ops.processes.context import Context
from tallystick.ops.settings import Settings

_PACES = {
    "production": EveryDocument(),
    "demo": EveryDocument(settle=timedelta(seconds=2), pause=timedelta(seconds=1)),
}


def strategy_of(settings: Settings) -> IssuanceStrategy:
    """The way of giving proofs that the settings name (S2-106), at the pace of the run."""
    pace = _PACES[settings.timing]
    if settings.proof_strategy == "trusted":
        return AtOnceWhenTrusted(Money.of(settings.proof_at_once_up_to), pace)
    return pace


def audit_desk(context: Context) -> AuditDesk:
    """The device API's door to proofs of audit."""
    sockets = context.unwrap_sockets
    return AuditDesk(open_arp=lambda block: open_arp_blocking(sockets, block), apart=QuarantineAndEvidence())


def proof_services(context: Context) -> ProofServices:
    """What the worker needs to decide; it alone holds the proof key."""
    key = context.pki.private_key("poa")
    socket = context.socket("sequencer")
    return ProofServices(
        strategy=strategy_of(context.settings),
        apart=QuarantineAndEvidence(),
        sign=lambda message: sign_with_recovery(message, key),
        append=lambda entry: append_blocking(socket, entry),
    )
