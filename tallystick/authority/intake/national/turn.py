"""Documents of one device that are judged together, each by those before it, and go to the sequencer in one frame."""

from __future__ import annotations

import attrs

from tallystick.authority.intake.national.values import DocumentInHand, NationalAnswer
from tallystick.kernel.faults import Fault
from tallystick.kernel.national_document import NationalDocument
from tallystick.wire.document_jws import SignedDocument


@attrs.define
class Turn:
    """Those that wait to be booked, and what became of the others."""

    hands: list[DocumentInHand] = attrs.field(factory=list)
    outcomes: list[NationalAnswer | Fault] = attrs.field(factory=list)


def rests_on_the_ledger(before: DocumentInHand, signed: SignedDocument, document: NationalDocument) -> bool:
    """Whether it can be judged only once those before it are booked: out of its place, or referring to another."""
    sale = document.sale
    is_next = signed.header.sequence == before.header.sequence + 1
    return not is_next or (sale is not None and sale.refers_to is not None)
