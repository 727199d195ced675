"""What is told of a document, and what is kept of one that is refused."""

from __future__ import annotations

from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national.values import DocumentInHand, NationalAnswer
from tallystick.authority.intake.steps import Step
from tallystick.authority.intake.store import Refused
from tallystick.authority.ledger.entry import Booked
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import read_signed
from tallystick.wire.leaf import read_leaf


def answer(hand: DocumentInHand, booked: Booked) -> NationalAnswer:
    """To a document that is booked now."""
    return NationalAnswer(
        signed=hand.signed,
        document=hand.document,
        log_index=booked.index,
        received_ms=hand.received_ms,
        codes=hand.codes,
    )


def first_answer(hand: DocumentInHand, first: LedgerDocument) -> NationalAnswer:
    """What the document was told when it came first: from its first bytes, whose signature may be spelt otherwise."""
    if not first.acked:
        fault = Fault("TS-5003", detail="the first copy waits for its second", retry_after_seconds=2)
        raise at_step(Step.GATE_AND_ANSWER, fault)
    signed = hand.signed
    if first.body and first.body_hash != signed.body_hash:
        signed = read_signed(first.body, bytes_max=len(first.body))
    facts = first.facts if first.record else None  # the law may have had the record erased: the leaf stays
    return NationalAnswer(
        signed=signed,
        document=hand.document,
        log_index=first.index,
        received_ms=int(facts.received_at) if facts else read_leaf(first.leaf).received_ms,
        codes=facts.flags if facts else (),
        replayed=True,
    )


def refused(hand: DocumentInHand, step: Step, fault: Fault) -> Refused:
    """As it is kept for a while."""
    return Refused(
        file_hash=hand.signed.body_hash,
        token_uid=hand.sender.uid,
        token_tin=hand.sender.tin,
        body=hand.signed.compact,
        step=int(step),
        code=fault.code,
        detail=fault.detail,
        answered=CATALOGUE[fault.code].http_status,
        at=hand.received_at,
    )
