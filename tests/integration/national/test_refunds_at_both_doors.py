"""S0-059 across channels: cards of TaxCore and registers give back of the same originals, and together never too much.

A register is refused where no more is left. A card has signed before anybody could ask: what is too much is booked with
TS-2104, and a case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from batch_bench import Withdrawals, make
from ledger_bench import LedgerFolder
from psycopg.conninfo import make_conninfo
from two_doors import TwoDoors, number_of, run_both

from benchmarks.package_maker import Card
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.keys import PrivateKey, generate_rsa_key
from tallystick.kernel.channel_rules import RefundScope
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceType, TransactionType

BEYOND, FOREIGN = "more than is left of the original", "the original is another taxpayer's"


@pytest.fixture(scope="module")
def keys() -> list[PrivateKey]:
    """The authority's, and one that all cards here share."""
    return [generate_rsa_key(), generate_rsa_key()]


@pytest.fixture(scope="module")
def ledger(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerFolder]:
    """One ledger for all of them; each test has devices of its own."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE two_doors TEMPLATE tallystick STRATEGY file_copy")
        yield LedgerFolder.make(tmp_path_factory.mktemp("two-doors"), make_conninfo(_hasty_server, dbname="two_doors"))
        administrator.execute("DROP DATABASE two_doors WITH (FORCE)")


def run(ledger: LedgerFolder, keys: list[PrivateKey], walk: Any) -> None:
    """In a country where every till of the taxpayer may take back."""
    run_both(ledger, keys, walk, refund_scope=RefundScope.TAXPAYER)


def test_s0_059_one_original_through_both_doors(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    """Of either kind; what is too much is refused at one door, and at the other booked with its code, and a case."""

    async def walk(doors: TwoDoors) -> None:
        till, card, bench = await doors.till(), await doors.card(), doors.national
        await bench.send(till, till.sell(bench.now))  # number 3: 5.70
        sold = till.number(3)
        assert await doors.back(card, "4.00", sold) == ()
        assert await doors.till_back(till, "1.71", sold) == "TS-2104"
        assert await doors.till_back(till, "1.70", sold) == ""
        assert await doors.back(card, "0.01", sold) == ("TS-2104",)

        of_card = await doors.sell(card, "10.00")
        assert await doors.till_back(till, "6.00", of_card) == ""
        assert await doors.back(card, "3.00", str(of_card).lower()) == (), "small letters name the same document"
        assert await doors.till_back(till, "1.01", of_card) == "TS-2104"
        assert await doors.back(card, "1.01", of_card) == ("TS-2104",)
        assert await doors.back(card, "1.00", of_card, invoice_type=InvoiceType.TRAINING) == (), "moves no money"

        shown = await doors.feed(till)
        assert [(one.original, one.number) for one in shown] == [
            (str(sold), str(number)) for number in (number_of(card, 1), till.number(4), number_of(card, 2))
        ]
        told = [(str(number_of(card, 2)), BEYOND), (str(number_of(card, 5)), BEYOND)]
        assert await doors.cases(sold, of_card) == told
        assert await doors.cases(sold, of_card) == told, "nothing is told twice"

    run(ledger, keys, walk)


def test_s0_059_all_at_once_at_both_doors(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    """Whatever the order: no register's refund is booked over what is left, and each of a card is booked."""

    async def walk(doors: TwoDoors) -> None:
        chance = Random(59)
        cards = [await doors.card() for _ in range(3)]
        tills = [await doors.till() for _ in range(3)]
        for _ in range(4):
            original = await doors.sell(cards[0], "10.00")
            sent: list[Any] = []
            for card in cards:
                package = doors.signed(card, f"{chance.randint(1, 5)}.00", original)
                sent += [doors.send(card, package), doors.send(card, package)]
            sent += [doors.till_back(till, f"{chance.randint(1, 5)}.00", original) for till in tills]
            chance.shuffle(sent)
            outcomes = await asyncio.gather(*sent)
            assert all(one.status == 4 for one in outcomes if not isinstance(one, str))
            assert {one for one in outcomes if isinstance(one, str)} <= {"", "TS-2104"}
            booked = doors.refunds_of(original)
            assert sum(device.startswith("CARD") for _, _, device in booked) == 3
            assert sum(amount for amount, beyond, _ in booked if not beyond) <= Money.of("10.00").scaled
            assert not any(beyond for _, beyond, device in booked if device.startswith("SOFT"))
            taken = [amount for number, _, _, amount in doors.claims() if number == str(original)]
            assert sorted(taken) == sorted(amount for amount, _, _ in booked)

    run(ledger, keys, walk)


def test_s0_059_what_a_card_took_is_not_forgotten_in_a_crash(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    """Noted, and killed before the booking: the package comes again some day, so nobody else gets it meanwhile."""

    async def walk(doors: TwoDoors) -> None:
        till, card = await doors.till(), await doors.card()
        original = await doors.sell(card, "10.00")
        package = doors.signed(card, "8.00", original)

        class Away:
            async def append(self, entry: object) -> None:
                raise ConnectionError("killed here")

        killed = doors.another_intake()
        killed._keeping._sequencer = Away()  # type: ignore[assignment]  # the process dies between claim and booking
        answer = await killed.submit_package(
            package, token_uid=card.uid, token_tin=card.tin, received_at=doors.national.now
        )
        assert answer.status == 1
        mine = (str(original), card.uid, 2, 80_000)
        assert mine in doors.claims()
        await doors.later(till)
        assert await doors.till_back(till, "3.00", original) == "TS-2104"
        other = await doors.card()
        assert await doors.back(other, "3.00", original) == ("TS-2104",)
        assert (await doors.send(card, package)).status == 4
        assert doors.flags(card.uid, 2) == (), "it was there before the other one"
        again = await doors.send(card, package)
        assert (again.status, again.replayed) == (4, True)
        assert doors.claims().count(mine) == 1
        assert await doors.cases(original) == [(str(number_of(other, 1)), BEYOND)]

    run(ledger, keys, walk)


def test_s0_059_refunds_that_come_before_their_original(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    """E-SDCs send in any order. Nobody can judge such a refund at its booking; the detector does when all is here."""

    async def walk(doors: TwoDoors) -> None:
        till, card, other = await doors.till(), await doors.card(), await doors.card()
        late, original = doors.signed(card, "10.00"), number_of(card, 1)
        assert await doors.back(other, "6.00", original) == ()
        assert await doors.back(other, "3.00", original) == ()
        assert await doors.back(card, "2.00", original) == ()
        assert await doors.cases(original) == []
        assert await doors.till_back(till, "1.00", original) == "TS-2102"
        assert (await doors.send(card, late)).status == 4
        assert await doors.till_back(till, "1.00", original) == "TS-2104"
        for _ in range(2):
            assert await doors.cases(original) == [(str(number_of(card, 2)), BEYOND)]

    run(ledger, keys, walk)


def test_k_04_another_taxpayers_card_takes_nothing(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    """Else whoever has seen a number could spoil it for its buyer; before its original came as well."""

    async def walk(doors: TwoDoors) -> None:
        till, stranger, card = await doors.till(), await doors.card("100000009"), await doors.card()
        assert await doors.back(stranger, "5.00", number_of(card, 1)) == ()
        original = await doors.sell(card, "10.00")
        assert await doors.back(stranger, "5.00", original) == ("TS-2103",)
        assert await doors.till_back(till, "10.00", original) == ""
        await doors.back(stranger, "1.00", till.number(4))  # which is not there yet
        await doors.national.send(till, till.sell(doors.national.now))
        await doors.back(stranger, "1.00", till.number(4))
        assert await doors.feed(till) == [], "a company's ERP is not told of what strangers say"
        told = {(str(number_of(stranger, 1)), FOREIGN), (str(number_of(stranger, 2)), FOREIGN)}
        assert set(await doors.cases(original)) == told

    run(ledger, keys, walk)


def test_s0_059_a_refund_that_is_kept_apart_counts_until_it_is_rejected(
    ledger: LedgerFolder, keys: list[PrivateKey]
) -> None:
    async def walk(doors: TwoDoors) -> None:
        till, card = await doors.till(), await doors.card()
        original = await doors.sell(card, "10.00")
        await apart(doors, card, "8.00", original, SecureElementState.HOLD)
        await doors.later(till)
        assert await doors.till_back(till, "3.00", original) == "TS-2104"
        with psycopg.connect(ledger.dsn) as conn:
            conn.execute(
                "UPDATE intake.quarantine SET state = 'rejected', decided_at = now(), decided_by = 'omar',"
                " decision = '{}'"
            )
        assert await doors.till_back(till, "3.00", original) == ""
        await apart(doors, card, "7.00", original, SecureElementState.REVOKED)
        assert await doors.till_back(till, "7.00", original) == "", "a revoked card's word takes nothing"

    run(ledger, keys, walk)


async def apart(
    doors: TwoDoors, card: Card, amount: str, original: SdcInvoiceNumber, state: SecureElementState
) -> None:
    """A refund of a card that is on hold, or revoked: kept, not booked."""
    revoked = state is SecureElementState.REVOKED
    at = doors.national.now - timedelta(hours=1) if revoked else None
    doors.directory.entries[card.uid] = card.entry(state=state, revoked_at=at)
    answer = await doors.send(card, doors.signed(card, amount, original))
    assert answer.code == ("TS-1104" if revoked else "TS-2407")


def test_k_21_a_batch_is_judged_by_what_cards_took(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    """Cards give back of a receipt that still lies in a register's memory; what the register gave back is seen once.

    Whatever is wrong with a refund of the batch, it takes its part: nobody can give that back again.
    """

    async def walk(doors: TwoDoors) -> None:
        batches = make(doors.national, Withdrawals())
        truck, till, card = await batches.register(), await doors.till(), await doors.card()
        at, sold = doors.national.now, truck.number(3)
        assert await doors.back(card, "4.00", sold) == ()
        missing = number_of(card, 2)  # in a package that is late
        documents = [truck.register(at), truck.open_shift(at), truck.sell(at), truck.refund(3, at, ["1.80"])]
        back = truck.sale(["6.00"], operation=TransactionType.REFUND, refers_to=missing)
        documents += [truck.sign(truck.receipt(back), at), truck.report(at)]
        await batches.deliver(truck, documents)
        assert batches.codes(truck, 4, 5) == [("TS-2104",), ("TS-2102",)]
        assert batches.matters(truck) == ["refund-contradicts"]
        late = doors.signed(card, "10.00")
        assert await doors.back(await doors.card(), "4.50", missing) == ()
        assert (await doors.send(card, late)).status == 4
        assert await doors.till_back(till, "0.01", missing) == "TS-2104"
        assert await doors.cases(sold, missing) == [], "the batch tells of it"
        batches.openers.close()

    run(ledger, keys, walk)


def test_an_advance_gives_back_all_instalments(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    """Its refund names the last one, and is the sum of them: no contradiction, and nobody is told."""

    async def walk(doors: TwoDoors) -> None:
        card = await doors.card()
        advance: dict[str, Any] = {"invoice_type": InvoiceType.ADVANCE}
        first, last = number_of(card, 1), number_of(card, 2)
        await doors.send(card, doors.signed(card, "10.00", **advance))
        await doors.send(card, doors.signed(card, "5.00", first, transaction_type=TransactionType.SALE, **advance))
        assert await doors.back(card, "15.00", last, **advance) == ()
        assert await doors.back(card, "15.00", first, **advance) == ("TS-2104",)
        assert await doors.cases(first, last) == [(str(number_of(card, 4)), BEYOND)]

    run(ledger, keys, walk)


def test_placeholders_of_old_paper_take_no_lock(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    async def walk(doors: TwoDoors) -> None:
        card = await doors.card()
        before = doors.rows("SELECT count(*) FROM intake.refunded")
        for text in ("XXXXXXXX-XXXXXXXX-121", "XXXXXXXX-AB123456-159", f"{card.uid}-{card.uid}-99999999999", "17"):
            assert await doors.back(card, "1.00", text) == ()
        assert doors.rows("SELECT count(*) FROM intake.refunded") == before

    run(ledger, keys, walk)


def test_s0_059_the_claims_are_made_again_of_the_ledger(ledger: LedgerFolder, keys: list[PrivateKey]) -> None:
    """What an earlier version booked without claims, and a table that is lost: a fold over the ledger has it."""

    async def walk(doors: TwoDoors) -> None:
        till, card, stranger = await doors.till(), await doors.card(), await doors.card("100000009")
        original = await doors.sell(card, "10.00")
        await doors.back(card, "4.00", original)
        await doors.back(stranger, "1.00", original)
        assert await doors.till_back(till, "5.00", original) == ""
        await doors.back(card, "4.00", original)
        before = doors.claims()
        await doors.shown()
        assert doors.follow() == 0, "each was noted before it was booked"
        with psycopg.connect(ledger.dsn) as conn:
            conn.execute("TRUNCATE intake.refund_claim, intake.refunded, intake.progress")
        assert doors.follow() == len(before) >= 3
        assert doors.claims() == before
        assert doors.follow() == 0
        assert await doors.till_back(till, "1.00", original) == "TS-2104"

    run(ledger, keys, walk)
