"""Start Audit, End Audit and Forward Directive: what the authority says to a card (wire: 15.3 to 15.5)."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from tallystick.crypto.envelope import recover_message, seal_arp, seal_internal_data
from tallystick.device.applet.core import Core, Refusal, internal_data
from tallystick.device.applet.state import Audit, CardState
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.wire.apdu import StatusWord
from tallystick.wire.card import ArpContent, Directive, PoaMessage
from tallystick.wire.card_audit import DIGEST_BYTES, NONCE_BYTES
from tallystick.wire.card_fields import RSA_BLOCK_BYTES, UINT32_MAX, UINT56_MAX

POA_BYTES = RSA_BLOCK_BYTES
DIRECTIVE_BYTES = 2 * RSA_BLOCK_BYTES


class Operation(IntEnum):
    """What a directive may order."""

    DISABLE_SIGNING = 1
    ENABLE_SIGNING = 2
    SET_LIMIT = 3
    SET_MAX_CATEGORY = 4


def start_audit(core: Core, _: bytes) -> bytes:
    """A new audit replaces an open one (S2-115): only the newest sequence and nonce count. 260 bytes."""
    state = core.state
    if state.audit.sequence >= UINT32_MAX:
        raise Refusal(StatusWord.COUNTER_AT_END)
    audit = Audit(
        sequence=state.audit.sequence + 1,
        is_open=True,
        nonce=core.random(NONCE_BYTES),
        frozen_sum=state.unaudited,
        total_counter=state.total_counter,
    )
    core.commit(msgspec.structs.replace(state, audit=audit))
    return seal_arp(audit.sequence, _arp(core, audit).encode(), core.chip.tax_core_key)


def _arp(core: Core, audit: Audit) -> ArpContent:
    state = core.state
    signature = state.last_answer[-RSA_BLOCK_BYTES:]
    return ArpContent(
        uid=core.chip.uid,
        audit_sequence=audit.sequence,
        last_signed_ms=state.last_time_ms,
        total_counter=audit.total_counter,
        unaudited=Money(audit.frozen_sum),
        limit=Money(state.limit),
        proven_counter=state.proven_counter,
        nonce=audit.nonce,
        last_signature_digest=sha256(signature) if signature else bytes(DIGEST_BYTES),
    )


def end_audit(core: Core, data: bytes) -> bytes:
    """Take a proof: not one at all 6F00, of another card 6A80, none open 6306, not for the newest start 6A80."""
    proof = _read_proof(core, data)
    audit = core.state.audit
    if proof.uid != core.chip.uid:
        raise Refusal(StatusWord.WRONG_DATA)
    if not audit.is_open:
        raise Refusal(StatusWord.NO_ACTIVE_AUDIT)
    if (proof.audit_sequence, proof.nonce) != (audit.sequence, audit.nonce):
        raise Refusal(StatusWord.WRONG_DATA)
    core.commit(_released(core, proof))
    return b""


def _read_proof(core: Core, data: bytes) -> PoaMessage:
    try:
        return PoaMessage.decode(recover_message(data, core.chip.poa_key))
    except Fault:
        raise Refusal(StatusWord.NOT_RECOGNISED) from None


def _released(core: Core, proof: PoaMessage) -> CardState:
    """Take the released sum off: never more than what was unaudited at the start, since later invoices stay (C-33)."""
    state, audit = core.state, core.state.audit
    released = min(proof.released.scaled, audit.frozen_sum)
    return msgspec.structs.replace(
        state,
        unaudited=0 if core.chip.quirks.poa_resets_to_zero else state.unaudited - released,
        limit=state.limit if proof.new_limit is None else proof.new_limit.scaled,
        audit=Audit(sequence=audit.sequence),
        proven_counter=audit.total_counter,
    )


def forward_directive(core: Core, data: bytes) -> bytes:
    """Obey an order of the authority; 6F00 when it is none, 6A80 when stale, for another card or impossible."""
    try:
        message = recover_message(data[:RSA_BLOCK_BYTES], core.chip.poa_key)
        directive = Directive.decode(message, data[RSA_BLOCK_BYTES:])
    except Fault:
        raise Refusal(StatusWord.NOT_RECOGNISED) from None
    if directive.uid != core.chip.uid or directive.number <= core.state.directive_number:
        raise Refusal(StatusWord.WRONG_DATA)
    obeyed = _obey(core.state, directive)
    core.commit(msgspec.structs.replace(obeyed, directive_number=directive.number))
    return b""


def _obey(state: CardState, directive: Directive) -> CardState:
    parameter = directive.parameter
    if directive.operation in (Operation.DISABLE_SIGNING, Operation.ENABLE_SIGNING):
        return msgspec.structs.replace(state, is_disabled=directive.operation == Operation.DISABLE_SIGNING)
    if directive.operation == Operation.SET_LIMIT and parameter < UINT56_MAX:
        return msgspec.structs.replace(state, limit=parameter)
    if directive.operation == Operation.SET_MAX_CATEGORY and parameter <= len(state.sale_taxes):
        return msgspec.structs.replace(state, max_category=parameter)
    raise Refusal(StatusWord.WRONG_DATA)


def export_audit_data(core: Core, _: bytes) -> bytes:
    """The counters as they stand now, encrypted for the authority: 256 or 512 bytes."""
    return seal_internal_data(internal_data(core.chip, core.state).encode(), core.chip.tax_core_key)
