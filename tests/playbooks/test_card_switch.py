"""Cards change places: what the old one left is sent first, or kept until it returns (S2-132, S2-133, S2-149).

Two cards and two environments in one slot (checklist 15).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cards import Country, country
from esdc_authority import SmallAuthority
from esdc_bench import PIN, UID, Bench, body, calm_country, make_card
from esdc_power import hold_round, without_flushes
from esdc_rounds import TIMING

from tallystick.device.applet import VirtualCard
from tallystick.device.esdc.audit_memory import AuditMemory
from tallystick.device.esdc.authority_client import AuthorityAway
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.store import Store

SECOND = "OTHER001"
PRODUCTION = (2, 7)


class Counter:
    """One slot, several cards, an authority a card."""

    def __init__(self, folder: Path, *, keep_until_proof: bool = False) -> None:
        settings = EsdcSettings(mrc="99-0100-" + UID, timing=TIMING, keep_until_proof=keep_until_proof)
        self.bench = Bench(folder, settings=settings, home=folder / "slot.device")
        self.memory = AuditMemory(trouble=self.bench.device.log.error)
        self.cards: dict[str, VirtualCard] = {UID: self.bench.card}
        self.authorities: dict[str, SmallAuthority] = {UID: SmallAuthority(self.bench.clock)}

    def other(self, uid: str = SECOND, home: Country | None = None) -> None:
        """Another card, and the authority that it belongs to."""
        self.cards[uid] = make_card(self.bench.folder / uid, uid=uid, home=home)
        self.authorities[uid] = SmallAuthority(self.bench.clock, uid=uid, home=home)

    def insert(self, uid: str) -> None:
        """Put a card in and give its PIN."""
        self.bench.reader.insert(self.cards[uid])
        self.bench.device.verify_pin(PIN)

    def round(self, uid: str) -> None:
        """Rounds with the authority of the inserted card until it has nothing more to do at once."""
        for _ in range(20):
            self.bench.clock.forward(seconds=1)
            if not hold_round(self.bench.device, self.memory, self.authorities[uid]).more:
                break
        self.store.write_notes()

    def sell(self, times: int = 1) -> None:
        for _ in range(times):
            self.bench.clock.forward(seconds=0.1)
            self.bench.device.sell(Order(body=body()))

    @property
    def store(self) -> Store:
        assert self.bench.device.session is not None
        return self.bench.device.session.store

    def log(self) -> str:
        return self.bench.device.log.text()


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Counter]:
    with without_flushes():
        made = Counter(tmp_path)
        yield made
        made.bench.close()
        for card in made.cards.values():
            card.power_off()


def sold_offline(till: Counter, times: int) -> None:
    """The first card is set up and sells; nothing is sent."""
    till.bench.device.verify_pin(PIN)
    till.round(UID)
    till.sell(times)


def test_s2_132_the_same_environment_gets_the_old_cards_packages_first(till: Counter) -> None:
    """K-23: in the session of the card that is in now."""
    sold_offline(till, 40)
    till.other()
    till.insert(SECOND)
    authority = till.authorities[SECOND]
    assert [left.waiting for left in till.bench.device.left.waiting] == [40]
    hold_round(till.bench.device, till.memory, authority)  # initializes, and sends what was left
    till.sell()
    order: list[str] = []
    answer = authority.answer

    def remember(method: str, path: str, sent: bytes | None, headers: dict[str, str]) -> object:
        if path.endswith("/audit"):
            order.append("old" if sent in old else "new")
        return answer(method, path, sent, headers)

    old = dict(till.bench.device.left.packages(UID, 100, 0)).values()
    authority.answer = remember  # type: ignore[method-assign, assignment]
    till.round(SECOND)
    assert order == ["old"] * 24 + ["new"]
    assert sorted(authority.packages) == list(range(1, 41))
    assert authority.tokens_given == 1, "one session"
    assert till.bench.device.left.waiting == ()
    till.insert(UID)
    till.bench.device.refresh()
    assert till.store.waiting_count() == 0
    assert till.store.held_count() == 0, "status 4 deletes (K-07)"


def test_s2_133_another_environment_keeps_them_until_the_old_card_returns(till: Counter) -> None:
    """S2-149: one device, a card of each environment; the environment comes from the card."""
    sold_offline(till, 3)
    production = country(PRODUCTION)
    assert production is not calm_country()
    till.other(home=production)
    till.insert(SECOND)
    till.round(SECOND)
    assert till.bench.device.session is not None
    assert till.bench.device.session.facts.environment == "2.7"
    assert till.authorities[SECOND].packages == {}, "nothing of another environment is sent there"
    till.sell()
    till.round(SECOND)
    assert list(till.authorities[SECOND].packages) == [1]
    assert "3 packages of card TL5SYCK1 wait and stay until it returns" in till.log()
    till.insert(UID)
    till.round(UID)
    assert sorted(till.authorities[UID].packages) == [1, 2, 3]


def test_three_cards_of_two_environments(till: Counter) -> None:
    """Checklist 15: of two earlier cards only that of the inserted card's environment is served."""
    sold_offline(till, 2)
    till.other("PRODUCT1", home=country(PRODUCTION))
    till.insert("PRODUCT1")
    till.round("PRODUCT1")
    till.sell(2)
    till.other()
    till.insert(SECOND)
    till.round(SECOND)
    assert sorted(till.authorities[SECOND].packages) == [1, 2]
    assert [(left.uid, left.waiting) for left in till.bench.device.left.waiting] == [("PRODUCT1", 2)]


def test_k_07_with_retention_until_proof_the_old_cards_packages_stay(tmp_path: Path) -> None:
    with without_flushes():
        till = Counter(tmp_path, keep_until_proof=True)
        sold_offline(till, 2)
        till.other()
        till.insert(SECOND)
        till.round(SECOND)
        assert sorted(till.authorities[SECOND].packages) == [1, 2]
        till.insert(UID)
        till.bench.device.refresh()
        assert (till.store.waiting_count(), till.store.held_count()) == (0, 2)
        till.bench.close()


def test_what_the_authority_does_not_take_now_waits_and_holds_nobody_up(till: Counter) -> None:
    sold_offline(till, 2)
    till.other()
    till.insert(SECOND)
    authority = till.authorities[SECOND]
    authority.statuses = {1: [1] * 4, 2: [5]}
    till.round(SECOND)
    assert "package 1 of card TL5SYCK1 was not taken now" in till.log()
    assert "package 2 of card TL5SYCK1 is kept, audit status 5" in till.log()
    assert authority.packages == {}
    authority.statuses = {}
    till.sell()
    till.round(SECOND)
    assert 1 in authority.packages, "the new card's own goes on"
    till.bench.clock.forward(seconds=60)
    till.round(SECOND)
    assert len(authority.packages[1]) == 2, "the old card's number 1 came after its pause"
    assert till.bench.device.left.waiting == ()


def test_an_authority_that_leaves_in_between_loses_nothing(till: Counter) -> None:
    sold_offline(till, 3)
    till.other()
    till.insert(SECOND)
    authority, answer = till.authorities[SECOND], till.authorities[SECOND].answer

    def leaves(method: str, path: str, sent: bytes | None, headers: dict[str, str]) -> object:
        if path.endswith("/audit") and len(authority.packages) == 1:
            raise AuthorityAway("gone")
        return answer(method, path, sent, headers)

    authority.answer = leaves  # type: ignore[method-assign, assignment]
    with pytest.raises(AuthorityAway):
        till.round(SECOND)
    assert [left.waiting for left in till.bench.device.left.waiting] == [2]
    authority.answer = answer  # type: ignore[method-assign]
    till.round(SECOND)
    assert sorted(authority.packages) == [1, 2, 3]


def test_the_earlier_cards_are_remembered_over_a_restart(till: Counter) -> None:
    sold_offline(till, 2)
    till.other()
    till.bench.device.close()
    till.bench.reader.insert(till.cards[SECOND])
    till.bench.switch_on()
    till.memory = AuditMemory()
    till.round(SECOND)
    assert sorted(till.authorities[SECOND].packages) == [1, 2]


def test_a_card_that_went_to_another_slot_is_left_to_it(till: Counter) -> None:
    """Its store is in use there: nothing is sent twice from here."""
    sold_offline(till, 2)
    till.other()
    till.insert(SECOND)
    till.bench.device.refresh()
    store = Store(till.bench.folder / UID / "esdc.db", uid=UID, environment="1.9")
    till.round(SECOND)
    assert till.authorities[SECOND].packages == {}
    store.close()
    till.insert(SECOND)
    till.round(SECOND)
    assert sorted(till.authorities[SECOND].packages) == [1, 2]


def test_a_broken_store_of_an_earlier_card_stops_nobody(till: Counter) -> None:
    sold_offline(till, 2)
    till.other()
    till.bench.device.close()
    (till.bench.folder / UID / "esdc.db").write_bytes(b"no database" * 100)
    till.bench.reader.insert(till.cards[SECOND])
    till.bench.switch_on()
    till.bench.device.verify_pin(PIN)
    till.memory = AuditMemory()
    till.round(SECOND)
    till.sell()
    till.round(SECOND)
    assert list(till.authorities[SECOND].packages) == [1]
    assert "ERROR  internal       the store of card TL5SYCK1" in till.log()
