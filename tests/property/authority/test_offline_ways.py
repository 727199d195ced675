"""Whatever a register brings: stretches booked as they were opened leave what judging each by itself leaves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from national_bench import ORIGIN
from offline_memory import LONG_AGO, Outcome, book

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.national import proving
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.offline import fitting, opening, pipeline, run
from tallystick.authority.ledger.entry import Channel
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
from tallystick.kernel.offline_limits import Outage
from tallystick.kernel.sales_sum import SalesSum, sold
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.document_jws import DocumentHeader, read_signed, write_signed
from tallystick.wire.national_document import read_document, write_document

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TILL = NationalTill("HARD0001", "100000001", ORIGIN)
STRANGER = NationalTill("HARD0002", "100000001", ORIGIN)
GENESIS = b"\7" * 32
SALES = ("sale",) * 12
"""Most of what is sold is plain."""


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
    "card": lambda sale: attrs.evolve(sale, payments=(Payment(sale.total, PaymentType.CARD),)),
}
HEADERS: dict[str, Callable[[DocumentHeader], dict[str, Any]]] = {
    "back": lambda header: {"time_ms": header.time_ms - 600_000},
    "ahead": lambda header: {"time_ms": header.time_ms + 3_600_000 * 30},
    "old": lambda header: {"time_ms": header.time_ms - int(LONG_AGO.total_seconds()) * 1000},
    "before the certificate": lambda header: {"time_ms": header.time_ms - 40 * 86_400_000},
    "link": lambda header: {"previous": b"\1" * 32},
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
        compact = write_signed(header, payload, TILL.device.sign)
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
        sale = CONTENTS.get(what, lambda sale: sale)(TILL.sale())
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


def made(*whats: str) -> list[bytes]:
    """What a register brings that registered itself and opened a shift before."""
    register = Register()
    for what in ("registration", "open", *whats):
        register.make(what)
    return register.made


def alone(documents: list[bytes], **how: Any) -> Outcome:
    """With every document judged by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "fits", lambda *_: False)
        return book(TILL, GENESIS, documents, NOW, **how)


KINDS = st.sampled_from((*SALES, *CONTENTS, *HEADERS, *SHIFTS, *OTHERS))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.just("sale"), KINDS), min_size=1, max_size=24),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=1),
    st.integers(1_000, 12_000),
)
def test_s0_062_booked_as_opened_is_booked_as_judged(
    whats: list[str], revoked: bool, late: list[tuple[int, int]], block_bytes: int
) -> None:
    """Whatever stands in a batch: the same entries, flags, refusals, quarantine and counts on either way."""
    documents = made(*whats)
    outages = [Outage(since=NOW - LONG_AGO, until=NOW, after=after, up_to=after + length) for after, length in late]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BLOCK_BYTES", block_bytes)
        ours = book(TILL, GENESIS, documents, NOW, revoked=revoked, outages=outages)
    assert ours == alone(documents, revoked=revoked, outages=outages)
    assert ours.tally.documents == len(documents)


def test_s0_062_other_processes_open_what_the_own_one_opens() -> None:
    """Country pack, rates and documents travel there, and what they find comes back."""
    documents = made(*SALES, "tax", *SALES, "refund", "close", "open", *SALES, "signature", *SALES)
    ours = book(TILL, GENESIS, documents, NOW, processes=2)
    assert ours == alone(documents)
    assert ours.tally.codes == Counter({"TS-2002": 1, "TS-2102": 1, "TS-1312": 1, "TS-1402": len(SALES)})


def test_a_plain_day_goes_on_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nothing would have been won: each receipt is read once, where it is opened."""
    alone_taken = []
    take = run.BatchRun._take
    monkeypatch.setattr(run.BatchRun, "_take", lambda self, *of: alone_taken.append(of) or take(self, *of))
    ours = book(TILL, GENESIS, made(*["sale"] * 150, "close"), NOW)
    assert (ours.tally.booked, ours.tally.flagged, len(alone_taken)) == (153, 0, 3)


def test_every_check_of_the_offline_channel_stands_in_one_group() -> None:
    """A check that is added must be asked by somebody: of the document alone, of its signer, place or references."""
    checks = NATIONAL_CHECKS[Channel.ECR_OFFLINE]
    groups = (opening.OF_THE_DOCUMENT, fitting.OF_THE_SIGNER, fitting.OF_THE_PLACE, fitting.OF_REFERENCES)
    asked = [check for group in groups for check in group]
    signature = [check for check in checks.proof if check.function is proving.signature_is_good]
    assert Counter(asked + signature) == Counter(checks.proof + checks.kept)


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line), min_size=1))
def test_blocks_are_whole_lines_and_bounded(lines: list[bytes]) -> None:
    text = b"".join([line + b"\n" for line in lines])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BLOCK_BYTES", 20)
        cut = list(pipeline.blocks(text))
    assert b"".join(cut) == text
    assert all(block.endswith(b"\n") for block in cut)
    assert all(len(block) <= 20 or block.count(b"\n") == 1 for block in cut)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["sale", "card", "form", "tax"]), max_size=8))
def test_a_sum_of_sales_is_the_fold_of_them(whats: list[str]) -> None:
    register, sums = Register(), SalesSum()
    for what in ("registration", "open", "refund"):
        register.make(what)
    before = register.state
    for what in whats:
        register.make(what)
        sale = read_document(read_signed(register.made[-1]).payload).sale
        assert sale is not None
        sums.add(sale)
    assert sold(before, sums, register.state.documents) == register.state
