"""Whatever a register brings: stretches booked as they were opened leave what judging each by itself leaves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_bench import ORIGIN
from offline_memory import LONG_AGO, MemoryStores, Outcome, book, country

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.national import proving
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.offline import fitting, opening, pipeline, run
from tallystick.authority.intake.national.offline.openers import Openers
from tallystick.authority.intake.national.offline.opening import Arrival
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.faults import Fault
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


KINDS = (*CONTENTS, *HEADERS, *SHIFTS, *OTHERS)


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("first", [True, False])
def test_s0_062_booked_as_opened_is_booked_as_judged(what: str, first: bool) -> None:
    """Each thing that may be wrong with a document, at the head of a stretch and within: the same entries, flags,
    refusals, quarantine and counts on either way."""
    both_ways([what, "sale", "sale"] if first else ["sale", what, "sale", "sale"])


def outage_before(after: int, up_to: int) -> Outage:
    """One that was over before the documents were made, by their own word."""
    return Outage(since=NOW - LONG_AGO, until=NOW - timedelta(hours=21), after=after, up_to=up_to)


@pytest.mark.parametrize("outage", [(0, 3), (0, 4), (4, 5), (5, 9), (6, 9), (7, 9)])
def test_s0_032_what_came_late_is_late_on_either_way(outage: tuple[int, int]) -> None:
    """Numbers 4 to 6; the outage covers those after the first figure, up to the second."""
    after, up_to = outage
    ours = both_ways(["sale"] * 3, outages=[outage_before(after, up_to)])
    assert ours.tally.codes["TS-2404"] == len({4, 5, 6} & set(range(after + 1, up_to + 1)))


def test_k_15_what_was_made_in_an_outage_is_late_whatever_its_number_on_either_way() -> None:
    """The outage ends, with the country's window, between the first two documents and the others."""
    until = NOW - timedelta(hours=20) + timedelta(seconds=2 + 120 + 3.5)
    ours = both_ways(["sale"] * 4, outages=[Outage(since=NOW - LONG_AGO, until=until, after=0, up_to=0)])
    assert ours.tally.codes["TS-2404"] == 2


def test_s1_028_the_last_of_a_stretch_may_be_too_late_for_its_shift() -> None:
    """A shift that is open for 24 hours in the midst of a stretch: sold after that, booked with the code."""
    sales = ["sale", "a day later", "sale", "sale"]
    ours = both_ways(sales, hours_ago=28)
    assert ours.tally.codes["TS-2408"] == 1


def test_ts_2005_sums_that_no_report_could_say_are_found_on_either_way() -> None:
    assert both_ways(["huge", "sale", "sale", "huge"]).tally.codes == {"TS-2005": 1}


def test_s0_064_what_a_revoked_signer_closed_is_apart_on_either_way() -> None:
    assert both_ways(["sale"] * 3, revoked=True).tally.codes == {"TS-2403": 3}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.one_of(st.just("sale"), st.sampled_from(KINDS)), min_size=1, max_size=24), st.integers(1_000, 12_000)
)
def test_s0_062_whatever_stands_in_a_batch(whats: list[str], block_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BLOCK_BYTES", block_bytes)
        both_ways(whats)


def test_s0_062_other_processes_open_what_the_own_one_opens() -> None:
    """Country pack, rates and documents travel there, and what they find comes back."""
    sales = ["sale"] * 12
    ours = both_ways([*sales, "tax", *sales, "refund", "close", "open", *sales, "signature", *sales], processes=1)
    assert ours.tally.codes == Counter({"TS-2002": 1, "TS-2102": 1, "TS-1312": 1, "TS-1402": len(sales)})


@pytest.mark.soak
def test_a_process_that_dies_costs_one_attempt() -> None:
    """The batch is put off (TS-5099) and comes again, to processes that are started anew."""
    register, standing = begun()
    for _ in range(3):
        register.make("sale")
    rules, sender = country(TILL, MemoryStores(standing), NOW)
    devices = rules.national.devices
    certificate = devices.certificate(sender.certificate_hash)
    assert certificate is not None
    signers = {sender.certificate_hash: certificate.public_key.spki}
    arrival = Arrival(sender=sender, device=devices.device(TILL.uid), signers=signers, received_at=NOW)
    text = b"".join([one + b"\n" for one in register.made])

    async def walk() -> list[str]:
        outcomes, openers = [], Openers(rules, 2)
        await openers.start()
        assert openers._pool is not None
        assert len(openers._pool._processes) == 2
        for process in openers._pool._processes.values():
            process.kill()
        for _ in range(2):
            try:
                outcomes.append(str(len(await openers.open(arrival, text))))
            except Fault as fault:
                outcomes.append(fault.code)
        openers.close()
        return outcomes

    assert asyncio.run(walk()) == ["TS-5099", "1"]


@pytest.mark.soak
def test_helpers_end_with_the_process_that_is_killed() -> None:
    code = (
        "import asyncio, time; import test_offline_ways as t; from offline_memory import MemoryStores, country\n"
        "async def main():\n"
        "    openers = t.Openers(country(t.TILL, MemoryStores(t.begun()[1]), t.NOW)[0], 2)\n"
        "    await openers.start()\n"
        "    print(*openers._pool._processes, flush=True); time.sleep(60)\n"
        "asyncio.run(main())"
    )
    paths = os.pathsep.join((str(Path(__file__).parent), *sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
    ) as owner:
        assert owner.stdout is not None
        helpers = [Path(f"/proc/{pid}") for pid in owner.stdout.readline().split()]
        assert len(helpers) == 2
        owner.kill()
    until = time.monotonic() + 20
    while any(one.exists() for one in helpers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(one.exists() for one in helpers)


def test_a_plain_day_goes_on_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nothing would have been won: each receipt is read once, where it is opened."""
    alone_taken: list[bytes] = []
    take = run.BatchRun._take

    async def counted(self: run.BatchRun, compact: bytes, *more: Any) -> None:
        alone_taken.append(compact)
        await take(self, compact, *more)

    monkeypatch.setattr(run.BatchRun, "_take", counted)
    register, standing = begun()
    for what in [*["sale"] * 150, "close"]:
        register.make(what)
    ours = book(TILL, standing, register.made, NOW)
    assert (ours.tally.booked, ours.tally.flagged, len(alone_taken)) == (151, 0, 1)


def test_a_doubt_of_the_sequencer_ends_the_run() -> None:
    """What was sent is not believed to be booked: the batch is booked again, and finds what is there."""
    for fails_at in (4, 30, 73):
        with pytest.raises(Fault, match="TS-5003"):
            both_ways(["sale"] * 70, fails_at=fails_at)


def test_what_is_on_its_way_is_bounded() -> None:
    """Whatever a batch holds, other channels wait behind so many documents of it at most."""
    for what in ("sale", "tax"):
        register, standing = begun()
        for _ in range(200):
            register.make(what)
        ours = book(TILL, standing, register.made, NOW, share=100)
        assert (ours.tally.booked, ours.in_flight_most <= 100) == (200, True)


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
    (register, _), sums = begun(), SalesSum()
    register.make("refund")
    before = register.state
    for what in whats:
        register.make(what)
        sale = read_document(read_signed(register.made[-1]).payload).sale
        assert sale is not None
        sums.add(sale)
    assert sold(before, sums, register.state.documents) == register.state
