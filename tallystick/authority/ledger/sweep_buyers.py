"""The commitment to a buyer against its salt and the body: it opens while both are there, and both go together."""

from __future__ import annotations

from tallystick.kernel.hashing import buyer_commitment
from tallystick.kernel.identifiers import canonical_buyer
from tallystick.wire.ledger_body import people_in
from tallystick.wire.record import BUYER_FACT, Record


def buyer_trouble(record: Record, salt: bytes | None, body: bytes | None, *, erased: bool) -> str:
    """What is wrong with an entry's commitment; empty when nothing is.

    Entries that were booked before there were commitments have none, and nothing to erase but their bodies.
    """
    commitment = record.facts.get(BUYER_FACT)
    if commitment is None:
        return "a salt that opens nothing" if salt is not None else ""
    if erased:
        return "the salt of the buyer's commitment outlived the body" if salt is not None else ""
    if salt is None:
        return "the salt of the buyer's commitment is gone, and the body is not"
    buyer = _buyer_of(record.media_type, body or b"")
    if buyer and buyer_commitment(salt, buyer).hex() != commitment:
        return "the commitment is to another buyer than the body names"
    return ""


def _buyer_of(media_type: str, body: bytes) -> str:
    """The buyer that a document names; empty where it names none, or cannot be read as it was not when it came."""
    people = people_in(media_type, body)
    return "" if people is None else canonical_buyer(people.buyer)
