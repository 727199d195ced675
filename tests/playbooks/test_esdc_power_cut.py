"""The power fails at every step of a sale and of an audit cycle: no gap, no double, nothing acknowledged lost.

The playbook is played once to count the places where power can fail, then once for each of them, and with two cuts.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random

import attrs
import pytest
from esdc_authority import SmallAuthority
from esdc_bench import UID, Bench, body, calm_country, make_card
from esdc_power import Shop, Supply, fed_disk, without_flushes

from tallystick.device.esdc.device import Device
from tallystick.device.esdc.facts import Position
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.session import Session
from tallystick.device.esdc.settings import DEMO_TIMING, EsdcSettings
from tallystick.kernel.fixed_point import Money

TIMING = attrs.evolve(
    DEMO_TIMING,
    start_interval=timedelta(seconds=4),
    near_limit_interval=timedelta(seconds=2),
    start_floor=timedelta(seconds=2),
    proof_patience=timedelta(seconds=30),
    heartbeat=timedelta(seconds=1),
)
NAMES = ("a", "b", "c")
PARTS = 4
PAIRS_OF_CUTS = 40


@cache
def made_card() -> Path:
    """A card's folder, personalised once."""
    folder = calm_country().folder / "power-cut-card"
    make_card(folder, limit=Money.of(1000)).power_off()
    return folder


def play(folder: Path, supply: Supply, *, keep_until_proof: bool) -> Shop:
    """Initialise, sell two, audit, sell one while the audit is open, audit to the end."""
    settings = EsdcSettings(mrc="99-0100-" + UID, timing=TIMING, keep_until_proof=keep_until_proof)
    bench = Bench(folder, settings=settings, made=made_card())
    authority = SmallAuthority(bench.clock)
    bench.device.close()
    with without_flushes(), fed_disk(supply):
        shop = Shop(bench, authority, supply)
        shop.audit()
        answers = {name: sell(shop, name) for name in NAMES[:2]}
        shop.audit(2)
        answers["c"] = sell(shop, "c")
        shop.audit(6)
        supply.stays()
        shop.audit(6)
    check(shop, answers)
    bench.close()
    return shop


def sell(shop: Shop, name: str) -> bytes:
    """A POS asks until it has an answer, always with the same request id and the same bytes."""
    shop.bench.clock.forward(seconds=1)
    sold = shop.until_done(lambda: shop.device.sell(Order(body=body(cashier=name), request_id=name)))
    assert isinstance(sold.answer, bytes)
    return sold.answer


def check(shop: Shop, answers: dict[str, bytes]) -> None:
    """What must hold whatever happened."""
    session = shop.device.refresh()
    assert session is not None
    store, authority = session.store, shop.authority
    ordinals = {name: json.loads(answer)["totalCounter"] for name, answer in answers.items()}
    assert ordinals == {"a": 1, "b": 2, "c": 3}, "an ordinal is missing or was used twice"
    last = session.card.last_signed_invoice()
    assert last is not None
    assert last.total_counter == len(NAMES), "the card signed something that nobody asked for"
    for name, answer in answers.items():
        assert store.newest_answer(name) == answer, "an acknowledged answer changed or was lost"
    assert sorted(authority.packages) == [1, 2, 3], "a package never arrived"
    assert store.waiting_count() == 0
    assert store.held_count() == 0
    assert store.open_intents() == []
    assert store.gaps() == {}
    assert session.card.amount_status().sum.scaled == 0, "the limit was not released"
    assert not authority.outstanding, "a command was never reported"
    assert all(authority.results.values()), "a command that was carried out was reported as failed"
    for ordinal in ordinals.values():
        record = store.record(ordinal)
        assert record is not None
        assert record[1] is not None, "the hash record is gone"


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Where the power can fail in this playbook."""
    supply = Supply()
    play(tmp_path_factory.mktemp("dry"), supply, keep_until_proof=True)
    return supply.passed


def test_the_playbook_passes_every_kind_of_point(points: list[str]) -> None:
    assert {
        "before commit",
        "after commit",
        "before card 13",
        "after card 13",
        "before card 21",
        "after card 20",
    } <= set(points)
    assert any("audit-proof" in point for point in points)
    assert len(points) > 100


@pytest.mark.parametrize("part", range(PARTS))
def test_a_cut_at_every_point(tmp_path: Path, points: list[str], part: int) -> None:
    """S2-090, S2-091, S2-112, S2-115: one cut, at each place in turn."""
    for cut in range(part, len(points), PARTS):
        shop = play(tmp_path / str(cut), Supply(cut), keep_until_proof=cut % 2 == 0)
        assert shop.starts >= 2, f"no cut at {cut}"


@pytest.mark.parametrize("seed", range(2))
def test_a_second_cut_while_the_first_is_mended(tmp_path: Path, points: list[str], seed: int) -> None:
    """Recovery itself may be interrupted: pairs of cuts, the second soon after the first."""
    random = Random(seed)
    for number in range(PAIRS_OF_CUTS):
        first = random.randrange(len(points))
        supply = Supply(first, first + random.randint(1, 25))
        play(tmp_path / str(number), supply, keep_until_proof=bool(number % 2))


def test_the_harness_finds_a_missing_intent(tmp_path: Path, points: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the protection off (no recovery of what was signed): the playbook must go red."""
    monkeypatch.setattr("tallystick.device.esdc.device.Device._settle", forget)
    signed = [at for at, point in enumerate(points) if point == "after card 13"]
    assert signed
    for cut in signed:
        with pytest.raises(AssertionError):
            play(tmp_path / str(cut), Supply(cut), keep_until_proof=True)


def forget(self: Device, session: Session) -> bool:
    """What a device without recovery would do: go on from wherever the card stands."""
    last = session.card.last_signed_invoice()
    session.position = Position(counter=last.total_counter if last else 0, last_signed_ms=last.time_ms if last else 0)
    return True
