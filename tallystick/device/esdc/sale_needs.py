"""What a sale asks of the card and the store: values, so that a playbook can compare them and answer as it likes."""

from __future__ import annotations

import logging

import attrs

from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.device.esdc.conversation import Means, Need
from tallystick.device.esdc.invoice import Invoice
from tallystick.device.esdc.store import Intent
from tallystick.device.secure_element import CardExchanged
from tallystick.kernel.faults import Fault
from tallystick.wire.card import SignAnswer, SignRequest

_WRONG_SIGNATURE = "TS-1312"

log = logging.getLogger(__name__)


@attrs.frozen(slots=True)
class FindAnswer(Need[bytes | None]):
    """The stored answer to the same request."""

    request_id: str
    request_hash: bytes

    def perform(self, means: Means) -> bytes | None:
        """Look it up; an id that comes with other bytes is a new invoice, and noted."""
        found = means.store.find_answer(self.request_id, self.request_hash)
        if found is None and means.store.newest_answer(self.request_id) is not None:
            log.warning("request id %r was used before for another request", self.request_id)
        return found


@attrs.frozen(slots=True)
class KeepIntent(Need[int]):
    """First commit; answers the sale's number."""

    intent: Intent

    def perform(self, means: Means) -> int:
        """Store it durably."""
        return means.store.keep_intent(self.intent)


@attrs.frozen(slots=True)
class Sign(Need[SignAnswer]):
    """APDU 13."""

    request: SignRequest

    def perform(self, means: Means) -> SignAnswer:
        """Send it to the card; raises `StatusWordError`, `CardUnavailable`, `CardExchanged` for a foreign signature.

        A reader may miss that a card was exchanged; a signature of another key must not get into this card's store.
        """
        signed = means.card.sign_invoice(self.request)
        try:
            verify_invoice_signature(means.facts.signing_key, signed.signed_text, signed.signature)
        except Fault as fault:
            if fault.code != _WRONG_SIGNATURE:
                raise
            raise CardExchanged("what the card signed is not by the key that was read") from fault
        return signed


@attrs.frozen(slots=True)
class Void(Need[None]):
    """The card refused before it signed anything."""

    sale: int

    def perform(self, means: Means) -> None:
        """Store that."""
        means.store.void(self.sale)


@attrs.frozen(slots=True)
class KeepPackaged(Need[None]):
    """Second commit."""

    sale: int
    invoice: Invoice

    def perform(self, means: Means) -> None:
        """Store it durably."""
        invoice = self.invoice
        means.store.keep_packaged(self.sale, invoice.ordinal, invoice.package, invoice.answer)
