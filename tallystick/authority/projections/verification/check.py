"""The check of one verification URL, in numbered steps: each passes silently or settles the verdict.

1 decode the URL · 2 find the signer and the requester in the registry · 3 rebuild the signed bytes and verify the
signature · 4 look the number up in the ledger, behind its gate · 5 compare what was signed · 6 judge kind and flags.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import attrs

from tallystick.authority.ledger.entry import LeafFlag
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.card import signed_text
from tallystick.wire.leaf import read_leaf
from tallystick.wire.verification_url import VerificationData, from_url


class State(StrEnum):
    """What the buyer is told."""

    VALID = "valid"
    PENDING = "pending"
    MISMATCH = "mismatch"
    NOT_FISCAL = "not-fiscal"
    INVALID = "invalid"
    NOT_VERIFIABLE = "not-verifiable"
    UNCONFIRMED = "unconfirmed"
    OVERDUE = "overdue"
    NOT_FOUND = "not-found"
    FORGED = "forged"
    QUARANTINED = "quarantined"


class Source(StrEnum):
    """What an answer rests on: the signature that the code itself carries, or only our own record."""

    SIGNATURE = "signature"
    LEDGER = "ledger"


@attrs.frozen(slots=True)
class SignedFacts:
    """What a URL says once its signature is good: its data, who had it signed, and the bytes under the signature."""

    data: VerificationData
    requester: SecureElementEntry
    text: bytes


@attrs.frozen(slots=True)
class Verdict:
    """The outcome. ``document`` is our own record of that number, only where it is the one that the URL speaks of.

    ``facts`` are what was signed: read from the code, or for a compact code from the record.
    """

    state: State
    facts: SignedFacts | None = None
    document: LedgerDocument | None = None
    source: Source = Source.SIGNATURE


FindElement = Callable[[str], SecureElementEntry | None]
FindDocument = Callable[[SdcInvoiceNumber], LedgerDocument | None]


def open_url(url: str, find_element: FindElement) -> SignedFacts:
    """Steps 1 to 3, without any database.

    The taxpayer under the signature is the requester's: on a hosted signer the signing element is the operator's.
    Raises ``TS-1220`` for what cannot be read, ``TS-1311`` for an unknown element, ``TS-1312`` for a wrong signature,
    ``TS-1313`` for a card that is said to have signed for another one.
    """
    return open_data(from_url(url), find_element)


def open_data(data: VerificationData, find_element: FindElement) -> SignedFacts:
    """Steps 2 and 3; raises as `open_url`."""
    from_unix_ms(data.time_ms)  # a time that no calendar has cannot be shown
    signer, requester = find_element(data.signed_by), find_element(data.requested_by)
    if signer is None or requester is None:
        raise Fault("TS-1311", detail="no such secure element")
    if data.requested_by != data.signed_by and not signer.signs_for_others:
        raise Fault("TS-1313", detail="a card signs for itself alone")  # who asked is not under the signature
    text = signed_text(
        time_ms=data.time_ms,
        tin=requester.tin,
        buyer_id=data.buyer_id,
        invoice_type=data.invoice_type,
        transaction_type=data.transaction_type,
        amount=data.amount,
        type_counter=data.type_counter,
        total_counter=data.total_counter,
        encrypted_internal_data=data.encrypted_internal_data,
    )
    verify_invoice_signature(signer.public_key, text, data.signature)
    return SignedFacts(data, requester, text)


def behind_gate(document: LedgerDocument | None) -> LedgerDocument | None:
    """The acknowledgement gate of this room: whatever it tells about our own record has come through here."""
    return document if document is not None and document.acked else None


def check(url: str, find_element: FindElement, find_document: FindDocument) -> Verdict:
    """Judge a verification URL. What cannot be read, or was signed by nobody we know, is *not verifiable*."""
    try:
        facts = open_url(url, find_element)
    except Fault:
        return Verdict(State.NOT_VERIFIABLE)
    document = behind_gate(find_document(facts.data.number))
    if document is not None and document.act_hash != sha256(facts.text):
        return Verdict(State.MISMATCH, facts)
    return Verdict(judge(facts, document), facts, document)


def judge(facts: SignedFacts, document: LedgerDocument | None) -> State:
    """Step 6: what our record of a signed invoice makes of it."""
    if not facts.data.invoice_type.is_fiscal:
        return State.NOT_FISCAL
    if document is None:
        return State.PENDING
    if read_leaf(document.leaf).flags & LeafFlag.INVALID_SECURE_ELEMENT:
        return State.INVALID
    return State.VALID
