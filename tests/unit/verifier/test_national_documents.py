"""What the offline verifier recomputes of a national document, a shift and a refund: each lie by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from register_records import ORIGIN, fresh, record_of

from benchmarks.national_documents import Made, Register, sale_of
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.hashing import buyer_commitment, sha256
from tallystick.kernel.invoice import Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import DocumentKind, FormNumber, StatedTax
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.documents import Case
from tallystick.verifier.joining import Joiner
from tallystick.verifier.jws import check_jws
from tallystick.verifier.national import money, read_national, units
from tallystick.verifier.part_report import PartReport
from tallystick.verifier.registers import RegisterFold, Registers
from tallystick.verifier.stretches import Registration
from tallystick.verifier.trust import Trust
from tallystick.wire.ledger_export import Part
from tallystick.wire.record import BUYER_FACT


@pytest.fixture
def till() -> Register:
    """A register with an open shift."""
    made = fresh()
    made.open()
    return made


def seen(made: Made, till: Register, *, with_rates: bool = True, salt: bytes = b"", **changes: Any) -> set[BreakCode]:
    """What a document shows against itself and its record."""
    groups = {"2": (("A", 0, 9 * 10**8), ("B", 0, 0))} if with_rates else {}
    trust = Trust([till.device.root_pem], [], rates=groups)
    certificates = {sha256(till.device.certificate): till.device.certificate}
    case = Case(made.entry.body, record_of(made, **changes), ORIGIN, certificates, {}, trust, salt)
    return {code for code, _ in check_jws(case)}


def test_an_honest_document_of_each_kind_shows_nothing(till: Register) -> None:
    sold = till.sell()
    till.refund(sold, "2.00")
    till.correct(sold, "1.00")
    till.say(DocumentKind.ACCOUNTABLE_FORM, attrs.evolve(sale_of("7.00"), form=FormNumber("A", "17")))
    till.status()
    till.close()
    till.end()
    assert [seen(made, till) for made in till.made] == [set()] * len(till.made)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"total": Money.of("11.90")}, BreakCode.AMOUNT),
        ({"payments": (Payment(Money.of("10.89"), PaymentType.CASH),)}, BreakCode.AMOUNT),
        ({"taxes": (StatedTax("A", Rate.of("9"), Money.of("0.45")),)}, BreakCode.TAX),
        ({"taxes": (StatedTax("A", Rate.of("4"), Money.of("0.90")),)}, BreakCode.TAX),
        ({"taxes": ()}, BreakCode.TAX),
        ({"rate_group": 7}, BreakCode.TAX),
    ],
)
def test_a_document_that_lies_about_itself_is_named(
    till: Register, changes: dict[str, Any], expected: BreakCode
) -> None:
    made = till.sell("10.90", **changes)
    assert seen(made, till) == {expected}


def test_without_the_countrys_pack_taxes_are_only_compared_with_the_record(till: Register) -> None:
    made = till.sell("10.90", taxes=(StatedTax("A", Rate.of("4"), Money.of("0.45")),))
    assert seen(made, till, with_rates=False) == set()
    assert seen(made, till, with_rates=False, tax_totals={"1": "1"}) == {BreakCode.TAX}


def test_a_flag_says_so_itself(till: Register) -> None:
    wrong = till.sell("10.90", taxes=(), total=Money.of("12"))
    assert seen(wrong, till) == {BreakCode.AMOUNT, BreakCode.TAX}
    assert seen(wrong, till, flags=("TS-2002", "TS-2003")) == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"total": "54500"}, BreakCode.AMOUNT),
        ({"day_amount": "-109000"}, BreakCode.AMOUNT),
        ({"type": "513"}, BreakCode.AMOUNT),
        ({"refers_to": "TILL0001-TILL0001-1"}, BreakCode.BINDING),
        ({"issued_at": "1"}, BreakCode.BINDING),
        ({"day": "19000"}, BreakCode.BINDING),
        ({"device": "TILL0002-TILL0002"}, BreakCode.BINDING),
        ({"act_hash": "00" * 32}, BreakCode.BINDING),
        ({"se_total": "9"}, BreakCode.COUNTER),
        ({"device_seq": "9"}, BreakCode.DEVICE_LINK),
        ({"device_prev": "00" * 32}, BreakCode.DEVICE_LINK),
    ],
)
def test_a_record_that_lies_about_a_document_is_named(
    till: Register, changes: dict[str, Any], expected: BreakCode
) -> None:
    made = till.sell("10.90")
    assert expected in seen(made, till, **changes)


def test_the_commitment_is_to_the_buyer_in_the_document(till: Register) -> None:
    made, salt = till.sell("10.90", buyer_id="10: 99a"), bytes(32)
    right = {BUYER_FACT: buyer_commitment(salt, "10:99A").hex()}
    assert seen(made, till, salt=salt, facts=right) == set()
    assert seen(made, till, salt=salt, facts={BUYER_FACT: "00" * 32}) == {BreakCode.BUYER}


@pytest.mark.parametrize(
    "spoil", [lambda body: body[:-4], lambda body: b"x", lambda body: body.replace(b".", b".e", 1)]
)
def test_what_cannot_be_read_is_a_break_and_no_crash(till: Register, spoil: Callable[[bytes], bytes]) -> None:
    made = till.sell()
    wrong = attrs.evolve(made, entry=msgspec.structs.replace(made.entry, body=spoil(made.entry.body)))
    assert seen(wrong, till) == {BreakCode.SIGNATURE}


def test_another_signature_under_the_same_words_is_named(till: Register) -> None:
    made, other = till.sell(), till.sell()
    words, _, _ = made.entry.body.rpartition(b".")
    body = words + b"." + other.entry.body.rpartition(b".")[2]
    assert seen(attrs.evolve(made, entry=msgspec.structs.replace(made.entry, body=body)), till) == {BreakCode.SIGNATURE}


# --- shifts -----------------------------------------------------------------------------------------------------------


def told(till: Register, *borders: int, gone: int = -1, flags: dict[int, tuple[str, ...]] | None = None) -> list[int]:
    """The numbers at which the fold contradicts; parts end before the documents at ``borders``."""
    fold, found = RegisterFold.new(), []
    for start, end in zip((0, *borders), (*borders, len(till.made)), strict=True):
        part = Registers()
        for made in till.made[start:end]:
            number = made.signed.header.sequence
            record = record_of(made, flags=(flags or {}).get(number, ()))
            said = None if number == gone else read_national(made.entry.body).said
            part.take(number, record, said)
        for happened in part.happened.values():
            found += [index for one in happened for _, index, _ in fold.take(one)]
    return found


@settings(max_examples=25)
@given(st.data())
def test_s1_029_honest_shifts_are_followed_over_every_border(data: st.DataObject) -> None:
    till = fresh()
    for _ in range(data.draw(st.integers(1, 3))):
        till.open(data.draw(st.sampled_from(["0", "100.50"])))
        for _ in range(data.draw(st.integers(0, 4))):
            sold = till.sell(data.draw(st.sampled_from(["1.00", "10.90", "0.05"])))
            action = data.draw(st.sampled_from(["none", "refund", "up", "down", "status"]))
            if action == "refund":
                till.refund(sold)
            elif action in ("up", "down"):
                way = TransactionType.SALE if action == "up" else TransactionType.REFUND
                till.correct(sold, "0.03", way)
            elif action == "status":
                till.status()
        till.close()
    till.end()
    borders = sorted(data.draw(st.sets(st.integers(1, len(till.made) - 1), max_size=3)))
    assert told(till, *borders) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda report: {"totals": attrs.evolve(report.totals, sales=report.totals.sales.plus(Money(1)))},
        lambda report: {"totals": attrs.evolve(report.totals, taxes=(("A", Money(9_001)),))},
        lambda report: {"totals": attrs.evolve(report.totals, payments=(("card", Money(109_000)),))},
        lambda report: {"cash": Money(report.cash.scaled - 1)},
        lambda report: {"turnover": Money(report.turnover.scaled + 1)},
        lambda report: {"first": report.first + 1},
        lambda report: {"last": report.last - 1},
    ],
)
def test_s1_029_a_closing_that_differs_by_the_smallest_unit_is_named(
    till: Register, change: Callable[[Any], dict[str, Any]]
) -> None:
    till.sell("10.90")
    closing = till.close(**change(till.state.report(till.device.seq + 1)))
    number = closing.signed.header.sequence
    assert told(till) == [number]
    assert told(till, 2, 3) == [number]
    assert told(till, flags={number: ("TS-2409",)}) == []


def test_the_next_shift_is_judged_again_after_one_that_cannot_be(till: Register) -> None:
    """A body that the law had erased takes its shift with it, not the ones behind it."""
    gone = till.sell("10.90").signed.header.sequence
    till.close()
    till.open()
    till.sell("5.00")
    assert told(till, gone=gone) == []
    wrong = till.close(cash=Money(1))
    assert told(till, gone=gone) == [wrong.signed.header.sequence]


def test_sales_outside_of_a_shift_are_named(till: Register) -> None:
    till.close()
    state = till.state
    till.state = attrs.evolve(state, first=1, opened_at=till.at)
    stray = till.sell("10.90")
    assert told(till) == [stray.signed.header.sequence]


def test_a_register_signs_for_the_taxpayer_for_whom_it_is_registered() -> None:
    part = Part(name="parts/0.jsonl.gz", first=0, entries=1, bytes=1, sha256="")
    opened = Registration(2, "A-A", b"C" * 32, b"R" * 32, "300000003")

    def told(tin: str) -> set[BreakCode]:
        found: list[Break] = []
        Joiner(0, (), False, [], found.append).take(
            PartReport(part, [], registrations=[opened], taxpayers={"A-A": (tin, 5)})
        )
        return {one.code for one in found}

    assert told("300000003") == set()
    assert told("999999999") == {BreakCode.BINDING}


def test_the_units_are_those_of_the_wire() -> None:
    assert money("10.9") == Money.of("10.9").scaled
    assert units("1.125") * 10**Quantity.places == Quantity.of("1.125").scaled * 10**8
    for wrong in ("", "1e3", "1.23456", "--1", "1.-2", "0" * 40):
        with pytest.raises(ValueError, match=r"^"):
            money(wrong)
