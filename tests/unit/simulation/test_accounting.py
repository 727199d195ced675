"""The end-of-run check: what a card has signed is in the ledger, waits somewhere, or is lost; and lost is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.identifiers import Uid
from tallystick.simulation.accounting import (
    ORDINARY_LINES_MOST,
    CardAccount,
    CardPlaces,
    Evidence,
    judge,
    packages_on,
    table_lines,
)
from tallystick.simulation.baskets import MappingCounts
from tallystick.simulation.national.account import DeviceAccount
from tallystick.simulation.national.sellers import FleetFigures
from tallystick.simulation.summary import Account, summary_lines

UID = Uid("TS000001")
PLACES = CardPlaces(uid=UID, name="Store 1", card=Path("card"), told=0)
GOOD = Evidence(
    counter=9, told=9, newest_in_stores=9, highest_in_ledger=9, missing=(), held=frozenset(), audited_up_to=6
)


def figures(account: CardAccount) -> tuple[int, int, int, int, int]:
    return account.signed, account.arrived, account.audited, account.waiting, account.lost


def test_everything_has_arrived() -> None:
    account = judge(PLACES, GOOD)
    assert figures(account) == (9, 9, 6, 0, 0)
    assert account.is_whole


def test_what_lies_in_a_store_waits() -> None:
    account = judge(PLACES, attrs.evolve(GOOD, highest_in_ledger=7, missing=((8, 9),), held=frozenset({8, 9})))
    assert figures(account) == (9, 7, 6, 2, 0)
    assert not account.is_whole


def test_what_lies_nowhere_is_lost() -> None:
    account = judge(PLACES, attrs.evolve(GOOD, missing=((4, 4), (8, 9)), highest_in_ledger=7, held=frozenset({9})))
    assert figures(account) == (9, 6, 5, 1, 2)
    assert not account.is_whole


def test_a_package_that_is_kept_until_its_proof_does_not_wait() -> None:
    """K-07: countries whose devices keep packages after status 4."""
    assert figures(judge(PLACES, attrs.evolve(GOOD, held=frozenset(range(1, 10))))) == (9, 9, 6, 0, 0)


def test_the_cards_own_counter_finds_what_neither_till_nor_store_knows() -> None:
    account = judge(PLACES, attrs.evolve(GOOD, counter=10, missing=((10, 10),)))
    assert figures(account) == (10, 9, 6, 0, 1)


def test_a_dead_card_is_counted_by_the_highest_that_anybody_knows() -> None:
    dead = attrs.evolve(GOOD, counter=None, told=8, newest_in_stores=9, highest_in_ledger=5, missing=((6, 9),))
    account = judge(PLACES, attrs.evolve(dead, held=frozenset({6, 7, 8, 9})))
    assert account.is_dead
    assert figures(account) == (9, 5, 5, 4, 0)


def test_a_card_that_counts_less_than_others_know_is_a_contradiction() -> None:
    account = judge(PLACES, attrs.evolve(GOOD, counter=7))
    assert account.contradiction == "the card counts 7"
    assert not account.is_whole


@given(st.integers(0, 60), st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)), st.integers(0, 70))
def test_every_invoice_is_in_one_place(counter: int, ledger: set[int], stores: set[int], audited_up_to: int) -> None:
    ledger = {ordinal for ordinal in ledger if ordinal <= counter}
    missing = tuple((one, one) for one in range(1, counter + 1) if one not in ledger)
    highest = max(ledger, default=0)
    held = frozenset(one for one in stores if one <= counter)
    found = Evidence(
        counter=counter,
        told=0,
        newest_in_stores=max(held, default=0),
        highest_in_ledger=highest,
        missing=missing,
        held=held,
        audited_up_to=audited_up_to,
    )
    account = judge(PLACES, found)
    assert account.signed == counter == account.arrived + account.waiting + account.lost
    assert account.arrived == len(ledger)
    assert account.waiting == len(held - ledger)
    assert account.audited == len({one for one in ledger if one <= audited_up_to})


def test_packages_on_a_medium_are_found_in_either_layout_and_others_are_left_alone(tmp_path: Path) -> None:
    for name in (
        f"{UID}/{UID}-{UID}-3.json",
        f"{UID}/Audit/{UID}-{UID}-4.JSON",
        f"{UID}/{UID}-{UID}-5.json.tmp",
        f"{UID}/{UID}.arp",
        "OTHER001/OTHER001-OTHER001-6.json",
        "holiday.jpg",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert packages_on(UID, [tmp_path, tmp_path / "away"]) == {3, 4}


# What a person sees, and the exit status


def account_of(*cards: CardAccount, failures: tuple[str, ...] = (), devices: Sequence[DeviceAccount] = ()) -> Account:
    return Account(
        planned=2,
        without_lines=0,
        sold=2,
        sold_before=0,
        refused=Counter(),
        not_offered=0,
        mapping=MappingCounts(),
        cards=cards,
        national=FleetFigures(sold=0, sold_before=0, returns=0, refused=Counter(), heard=0),
        devices=devices,
        failures=failures,
    )


def test_a_lost_invoice_turns_the_check_red() -> None:
    whole = judge(PLACES, GOOD)
    lost = judge(PLACES, attrs.evolve(GOOD, counter=10, missing=((10, 10),)))
    assert account_of(whole).whole
    assert account_of(whole).nothing_lost
    assert not account_of(whole, lost).whole
    assert not account_of(whole, lost).nothing_lost
    assert any(
        line.split() == ["all", "2", "cards", "19", "18", "12", "0", "1"]
        for line in summary_lines(account_of(whole, lost))
    )


def test_a_lost_document_of_a_national_device_turns_it_red_too() -> None:
    whole = judge(PLACES, GOOD)
    lost = DeviceAccount(
        uid=UID, channel="on line", name="Store 1", story="", made=9, arrived=8, apart=0, waiting=0, lost=1
    )
    waits = attrs.evolve(lost, waiting=1, lost=0)
    assert not account_of(whole, devices=[lost]).nothing_lost
    assert account_of(whole, devices=[waits]).nothing_lost
    assert not account_of(whole, devices=[waits]).whole


def test_a_waiting_invoice_is_not_lost_but_the_run_is_not_whole() -> None:
    waiting = judge(PLACES, attrs.evolve(GOOD, missing=((9, 9),), highest_in_ledger=8, held=frozenset({9})))
    assert account_of(waiting).nothing_lost
    assert not account_of(waiting).whole


def test_what_waits_where_no_device_works_is_not_held_against_the_run() -> None:
    """A run without stories, in a country in which some were begun."""
    resting = attrs.evolve(PLACES, rests=True)
    waiting = attrs.evolve(GOOD, missing=((9, 9),), highest_in_ledger=8, held=frozenset({9}))
    assert account_of(judge(resting, waiting)).whole
    assert not account_of(judge(PLACES, waiting)).whole
    assert not account_of(judge(resting, attrs.evolve(waiting, held=frozenset()))).whole


def test_a_contradiction_and_a_failed_story_turn_it_red_too() -> None:
    odd = judge(PLACES, attrs.evolve(GOOD, counter=7))
    assert not account_of(odd).nothing_lost
    assert not account_of(judge(PLACES, GOOD), failures=("story by-hand: …",)).whole


def test_many_ordinary_cards_are_one_line_and_special_ones_stay_named() -> None:
    ordinary = [judge(attrs.evolve(PLACES, uid=Uid(f"TS{n:06d}")), GOOD) for n in range(ORDINARY_LINES_MOST)]
    told = judge(attrs.evolve(PLACES, uid=Uid("DEADSE01"), story="its card died"), attrs.evolve(GOOD, counter=None))
    lost = judge(attrs.evolve(PLACES, uid=Uid("TS000999")), attrs.evolve(GOOD, counter=10, missing=((10, 10),)))
    few, many = table_lines(ordinary), table_lines([*ordinary, told, lost])
    assert len(few) == ORDINARY_LINES_MOST + 2
    assert [line.split()[0] for line in many] == ["card", "30", "DEADSE01", "its", "the", "TS000999", "all"]
    assert many[1].split()[-5:] == ["270", "270", "180", "0", "0"]
    assert many[-1].split() == ["all", "32", "cards", "289", "288", "192", "0", "1"]
