"""The check of one verification URL, in numbered steps: each passes silently or settles the verdict.

1 decode the URL · 2 find the signer and the requester in the registry · 3 rebuild the signed bytes and verify the
signature · 4 look the number up in the ledger, behind its gate · 5 compare what was signed · 6 judge kind and flags.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import attrs

from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry.directory import SecureElementEntry
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.wire.card import signed_text
from tallystick.wire.verification_url import VerificationData, from_url

INVALID_ELEMENT_FLAGS = frozenset({"TS-1103", "TS-1104"})


class State(StrEnum):
    """What the buyer is told."""

    VALID = "valid"
    PENDING = "pending"
    MISMATCH = "mismatch"
    NOT_FISCAL = "not-fiscal"
    INVALID = "invalid"
    NOT_VERIFIABLE = "not-verifiable"


@attrs.frozen(slots=True)
class Verdict:
    """The outcome: what the URL says, who signed it, and our own record of that number when we hold it."""

    state: State
    data: VerificationData | None = None
    signer: SecureElementEntry | None = None
    document: LedgerDocument | None = None


FindElement = Callable[[str], SecureElementEntry | None]
FindDocument = Callable[[str, str, int], LedgerDocument | None]


def open_url(url: str, find_element: FindElement) -> tuple[VerificationData, SecureElementEntry, bytes] | None:
    """Steps 1 to 3, without any database: the data, the requester's entry and the signed bytes; nothing if any fails.

    The taxpayer is the requester's: on a hosted signer the signing element belongs to the operator.
    """
    try:
        data = from_url(url)
        signer = find_element(data.signed_by)
        requester = find_element(data.requested_by)
        if signer is None or requester is None:
            return None
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
    except Fault:
        return None
    return data, requester, text


def check(url: str, find_element: FindElement, find_document: FindDocument) -> Verdict:
    """Judge a verification URL; never raises a fault: what cannot be read is *not verifiable*."""
    opened = open_url(url, find_element)
    if opened is None:
        return Verdict(State.NOT_VERIFIABLE)
    data, signer, text = opened
    document = find_document(data.requested_by, data.signed_by, data.total_counter)
    if document is not None and not document.acked:
        document = None
    if document is not None and document.act_hash != sha256(text):
        return Verdict(State.MISMATCH, data, signer)
    if not data.invoice_type.is_fiscal:
        return Verdict(State.NOT_FISCAL, data, signer, document)
    if document is None:
        return Verdict(State.PENDING, data, signer)
    if INVALID_ELEMENT_FLAGS.intersection(document.flags):
        return Verdict(State.INVALID, data, signer, document)
    return Verdict(State.VALID, data, signer, document)
