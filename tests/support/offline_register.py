"""A register that signs whatever it is told, and a batch of it booked in both ways (`test_offline_ways`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from ledger_bench import ORIGIN
from offline_memory import LONG_AGO, Outcome, book

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.national.offline import run
from tallystick.authority.intake.national.standing import Standing
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import device_link, sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import to_milliseconds, unix_ms
from tallystick.kernel.invoice import Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import (
    DocumentKind,
    FormNumber,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
)
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.document_jws import DocumentHeader, write_signed
from tallystick.wire.national_document import write_document

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TILL = NationalTill("HARD0001", "100000001", ORIGIN)
RENEWED = NationalTill("HARD0001", "100000001", ORIGIN)
STRANGER = NationalTill("HARD0002", "100000001", ORIGIN)
GENESIS = b"\7" * 32


def unchanged(sale: Sale) -> Sale:
    return sale


def wrong_tax(sale: Sale) -> Sale:
    return attrs.evolve(sale, taxes=tuple([attrs.evolve(tax, amount=tax.amount + Money(10)) for tax in sale.taxes]))


CONTENTS: dict[str, Callable[[Sale], Sale]] = {
    "tax": wrong_tax,
    "total": lambda sale: attrs.evolve(sale, total=sale.total + Money(1)),
    "rates": lambda sale: attrs.evolve(sale, rate_group=99),
    "currency": lambda sale: attrs.evolve(sale, currency="EUR"),
    "label": lambda sale: attrs.evolve(sale, items=(attrs.evolve(sale.items[0], labels=("Q",)), *sale.items[1:])),
    "buyer": lambda sale: attrs.evolve(sale, buyer_id="no such form"),
    "refund": lambda sale: attrs.evolve(sale, operation=TransactionType.REFUND, refers_to=TILL.number(3)),
    "huge": lambda sale: TILL.sale(["60000000000000"]),
    "card": lambda sale: attrs.evolve(sale, payments=(Payment(sale.total, PaymentType.CARD),)),
}
HEADERS: dict[str, Callable[[DocumentHeader], dict[str, Any]]] = {
    "back": lambda header: {"time_ms": header.time_ms - 600_000},
    "not yet": lambda header: {"time_ms": header.time_ms + 3_600_000 * 20 + 600_000},
    "not yet, the shift long over": lambda header: {"time_ms": header.time_ms + 3_600_000 * 30},
    "a day later": lambda header: {"time_ms": header.time_ms + 3_600_000 * 24},
    "old": lambda header: {"time_ms": header.time_ms - int(LONG_AGO.total_seconds()) * 1000},
    "before the certificate": lambda header: {"time_ms": header.time_ms - 40 * 86_400_000},
    "link": lambda header: {"previous": b"\1" * 32},
    "second key": lambda header: {"kid": sha256(RENEWED.certificate)},
    "stranger": lambda header: {"kid": sha256(STRANGER.certificate)},
    "other device": lambda header: {"device": Uid("HARD0002")},
    "other log": lambda header: {"audience": "elsewhere/test"},
}
SHIFTS = ("close", "open", "status")
OTHERS = ("signature", "unread", "build", "shift", "form", "correction")


@attrs.define
class Register:
    """Signs what it is told, right or wrong; its own sequence goes on in any case."""

    state: RegisterState = attrs.field(factory=RegisterState)
    link: bytes = GENESIS
    at: datetime = NOW - timedelta(hours=20)
    made: list[bytes] = attrs.field(factory=list)

    def make(self, what: str) -> None:
        """The next document."""
        self.at += timedelta(seconds=1)
        document = self._document(what)
        header = self._header()
        if what in HEADERS:
            header = attrs.evolve(header, **HEADERS[what](header))
        payload = b'{"version":"9"}' if what == "unread" else write_document(document)
        signer = RENEWED if what == "second key" else TILL
        compact = write_signed(header, payload, signer.device.sign)
        if what == "signature":
            compact = compact[:-10] + (b"A" if compact[-10:-9] != b"A" else b"B") + compact[-9:]
        sequence = header.sequence
        self.state = attrs.evolve(self.state.in_spite(document, sequence, self.at), documents=sequence)
        self.link = device_link(header.previous, sequence, sha256(compact))
        self.made.append(compact)

    def _document(self, what: str) -> NationalDocument:
        shift, report = self.state.shift, self.state.report(self.state.documents + 1)
        report = attrs.evolve(report, first=report.first or 1)  # a report while no shift is open
        match what:
            case "registration":
                content = RegisterReport(maker="acme", model="T1", serial_number=TILL.uid)
                return TILL.document(DocumentKind.REGISTRATION, content)
            case "open":
                return TILL.document(DocumentKind.SHIFT_OPENING, ShiftOpening(Money.of("100")), shift + 1)
            case "close":
                return TILL.document(DocumentKind.SHIFT_CLOSING, report, shift)
            case "status":
                return TILL.document(DocumentKind.STATUS, report, shift)
        sale = CONTENTS.get(what, unchanged)(TILL.sale())
        if what == "correction":
            sale = attrs.evolve(sale, refers_to=TILL.number(3), reason="wrong")
        if what == "form":
            sale = attrs.evolve(sale, form=FormNumber("AA", "000001"))
        kinds = {"form": DocumentKind.ACCOUNTABLE_FORM, "correction": DocumentKind.CORRECTION}
        document = TILL.document(kinds.get(what, DocumentKind.RECEIPT), sale, shift + (what == "shift"))
        return attrs.evolve(document, build="cd" * 32) if what == "build" else document

    def _header(self) -> DocumentHeader:
        return DocumentHeader(
            kid=sha256(TILL.certificate),
            audience=ORIGIN,
            device=Uid(TILL.uid),
            sequence=self.state.documents + 1,
            previous=self.link,
            nonce=os.urandom(16),
            time_ms=unix_ms(to_milliseconds(self.at)),
        )


def begun(hours_ago: float = 20) -> tuple[Register, Standing]:
    """A register with an open shift, and where the ledger has it."""
    register = Register(at=NOW - timedelta(hours=hours_ago))
    for what in ("registration", "open", "sale"):
        register.make(what)
    register.made.clear()
    return register, Standing(3, register.link, register.state)


def both_ways(whats: Iterable[str], hours_ago: float = 20, **how: Any) -> Outcome:
    """What a batch leaves behind; the same where every document is judged by itself."""
    register, standing = begun(hours_ago)
    for what in whats:
        register.make(what)
    ours = book(TILL, standing, register.made, NOW, renewed=RENEWED, **how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "fits", lambda *_: False)
        how["processes"] = 0
        assert ours == book(TILL, standing, register.made, NOW, renewed=RENEWED, **how)
    assert ours.tally.documents == len(register.made)
    return ours
