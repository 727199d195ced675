"""The part of the tamper catalogue for national documents: tried where the ledger holds a shift with a refund in it.

Their devices sign their place in their own sequence, so that even who rewrites everything and has the checkpoint key
cannot leave one out: the offline verifier sees it alone, which it cannot with cards.
"""

from __future__ import annotations

from tallystick.simulation.tampering.deeds import drop, edit_record, halved, negated
from tallystick.simulation.tampering.manipulation import ALL_WAYS, Manipulation, one
from tallystick.simulation.tampering.national_deeds import (
    THE_CLOSING,
    THE_RECEIPT,
    THE_REFUND,
    drop_and_sign_again,
    edit_payload,
    lower_report,
    lower_total,
)

_OUTSIDE = "verifier, kept head, witness"


def _one(name: str, title: str, *done: object, must: str = _OUTSIDE, how: str = ALL_WAYS) -> Manipulation:
    return one(name, title, *done, must=must, how=how, national=True)  # type: ignore[arg-type]


NATIONAL_CATALOGUE: tuple[Manipulation, ...] = (
    _one("national-amount", "lower a receipt of a register", edit_payload("index", lower_total), how="",
         must="sweep, mirror, verifier"),
    _one("national-amount-everywhere", "lower a receipt of a register and its record, everywhere",
         edit_payload("index", lower_total), edit_record(total="900", day_amount="900")),
    _one("national-record-everywhere", "lower the record of a receipt, everywhere",
         edit_record(total=halved, day_amount=halved)),
    _one("national-type-everywhere", "make a refund of a receipt in its record, everywhere",
         edit_record(type="513", day_amount=negated)),
    _one("national-taxpayer-everywhere", "book a receipt to another taxpayer, everywhere",
         edit_record(taxpayer="999999999")),
    _one("refund-detached-everywhere", "take a refund from its original in its record, everywhere",
         edit_record("refund", refers_to="")),
    _one("report-changed-everywhere", "count one sale less in a closing report, everywhere",
         edit_payload("closing", lower_report)),
    _one("national-dropped-everywhere", "drop a receipt, everywhere, with the stolen key", drop(THE_RECEIPT)),
    _one("refund-dropped-everywhere", "drop a refund, everywhere, with the stolen key", drop(THE_REFUND)),
    _one("report-dropped-everywhere", "drop a closing report, everywhere, with the stolen key", drop(THE_CLOSING)),
    _one("national-signed-again", "drop a receipt and sign what the device made after it with a key of his own, "
         "everywhere", drop_and_sign_again),
)  # fmt: skip
"""What is done to documents of registers."""
