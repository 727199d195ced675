"""Proofs of audit, wired: what the device API hands in, and what the worker decides."""

from __future__ import annotations

from datetime import timedelta

from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.intake.unwrap_client import open_arp_blocking
from tallystick.authority.keys.recorded_use import RecordedSigner
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.projections.audit.operations import AuditDesk
from tallystick.authority.projections.audit.strategies import (
    AtOnceWhenTrusted,
    EveryDocument,
    IssuanceStrategy,
)
from tallystick.authority.projections.audit.tasks import ProofServices
from tallystick.kernel.fixed_point import Money
from tallystick.ops.processes.context import Context, system_clock
from tallystick.ops.schema.roles import INTAKE
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
    """What the worker needs to decide; it asks for each proof's signature, and leaves a row that says so."""
    signer = RecordedSigner(context.connector(INTAKE), context.signing_unit(), "process:worker", system_clock)
    socket = context.socket("sequencer")
    return ProofServices(
        strategy=strategy_of(context.settings),
        apart=QuarantineAndEvidence(),
        sign=signer.sign_proof,
        append=lambda entry: append_blocking(socket, entry),
    )
