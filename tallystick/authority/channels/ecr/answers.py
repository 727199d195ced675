"""Answers to documents, made of what the ledger holds: as the pipeline tells it, or from the entry at any later time.

Both ways give the same bytes. What only one process remembers, such as the moment of a repeat, has no place here.
"""

from __future__ import annotations

import base64
from functools import lru_cache

import attrs
import msgspec

from tallystick.authority.intake.national.values import NationalAnswer
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.hashing import device_link
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import read_signed, write_time
from tallystick.wire.ecr_api import Registered, kind_of_type, write_answer
from tallystick.wire.leaf import read_leaf
from tallystick.wire.national_document import read_document
from tallystick.wire.qr import qr_gif
from tallystick.wire.receipt_code import PATH, receipt_code, write_receipt_code


@attrs.frozen(slots=True)
class Answers:
    """``public_url`` is where buyers verify, without a slash at its end."""

    public_url: str

    def of_booking(self, booked: NationalAnswer, *, qr: bool = False) -> bytes:
        """As the pipeline tells it: no question to the database."""
        signed, document = booked.signed, booked.document
        header = signed.header
        url = self._url(write_receipt_code(receipt_code(signed, document))) if document.sale is not None else ""
        return self._write(
            Registered(
                act_hash=_text(signed.act_hash),
                device_link=_text(device_link(header.previous, header.sequence, signed.body_hash)),
                flags=booked.codes,
                index=str(booked.log_index),
                kind=str(document.kind),
                number=header.number,
                received_at=_time_text(booked.received_ms),
                verification_url=url,
            ),
            qr,
        )

    def of_entry(self, entry: LedgerDocument, *, qr: bool = False) -> bytes:
        """For an entry of the ledger. Where the law had the body erased, the receipt's address is gone with it."""
        facts = entry.facts
        url = ""
        if entry.body:
            signed = read_signed(entry.body)
            document = read_document(signed.payload)
            if document.sale is not None:
                url = self._url(write_receipt_code(receipt_code(signed, document)))
        return self._write(
            Registered(
                act_hash=_text(entry.act_hash),
                device_link=_text(read_leaf(entry.leaf).device_link),
                flags=tuple(facts.flags),
                index=str(entry.index),
                kind=kind_of_type(int(facts.type)),
                number=f"{facts.device}-{facts.se_total}",
                received_at=write_time(int(facts.received_at)),
                verification_url=url,
            ),
            qr,
        )

    def url_of(self, entry: LedgerDocument) -> str:
        """The address of a sale's receipt; empty for what is none, or is erased."""
        if not entry.body:
            return ""
        signed = read_signed(entry.body)
        document = read_document(signed.payload)
        return "" if document.sale is None else self._url(write_receipt_code(receipt_code(signed, document)))

    def _url(self, code: str) -> str:
        return f"{self.public_url}{PATH}{code}"

    @staticmethod
    def _write(answer: Registered, qr: bool) -> bytes:
        if qr and answer.verification_url:
            image = base64.b64encode(qr_gif(answer.verification_url)).decode("ascii")
            answer = msgspec.structs.replace(answer, qr=image)
        return write_answer(answer)


def _time_text(unix_ms: int) -> str:
    """As `write_time`; the thousands of answers of one second share their calendar."""
    return f"{_second_text(unix_ms // 1000)}{unix_ms % 1000:03d}Z"


@lru_cache(maxsize=64)
def _second_text(seconds: int) -> str:
    return write_time(seconds * 1000).removesuffix("000Z")


def _text(data: bytes) -> str:
    return write_base64url(data).decode("ascii")
