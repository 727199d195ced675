"""The check of a number and an amount that somebody types from the paper, where no code can be read.

Numbers follow one another, so a number alone must teach nothing: without the right amount the answer is that of a
number that nobody sold, and with it there is nothing in it but that such a receipt is in the ledger.
"""

from __future__ import annotations

import re

import attrs

from tallystick.authority.ledger.entry import LeafFlag
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.projections.verification.check import FindDocument, State, behind_gate
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.wire.leaf import read_leaf

_AMOUNT = re.compile(r"[0-9]{1,14}([.,][0-9]{1,4})?", re.ASCII)


@attrs.frozen(slots=True)
class NumberVerdict:
    """*Valid*, *not fiscal* or *invalid* with our record, or *unconfirmed* with nothing."""

    state: State
    document: LedgerDocument | None = None


NOT_CONFIRMED = NumberVerdict(State.UNCONFIRMED)


def check_number(number: str, amount: str, find_document: FindDocument) -> NumberVerdict:
    """Whether the ledger holds, behind its gate, a document of that number over that amount."""
    if _AMOUNT.fullmatch(amount) is None:
        return NOT_CONFIRMED
    try:
        document = behind_gate(find_document(SdcInvoiceNumber.parse(number.strip().upper())))
        total = Money.of(amount.replace(",", "."))
        if document is None or document.facts.total != str(total.scaled) or not total.scaled:
            return NOT_CONFIRMED
    except Fault:
        return NOT_CONFIRMED
    return NumberVerdict(_judge(document), document)


def _judge(document: LedgerDocument) -> State:
    """What is no turnover is no fiscal receipt: training, pro forma, copy."""
    if int(document.facts.day_amount or "0") == 0:
        return State.NOT_FISCAL
    return State.INVALID if read_leaf(document.leaf).flags & LeafFlag.INVALID_SECURE_ELEMENT else State.VALID
