"""A published rate group reaches every register by itself: once, a page at a time, whatever interrupts it (S0-030)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pki_bench import PkiBench
from remote_bench import AUDIENCE, HOLD, Answering, Control

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.remote import operations, rates
from tallystick.authority.reference.remote.rates import RateTeller, groups_to_tell
from tallystick.authority.reference.remote.values import GivenCommand
from tallystick.authority.reference.taxrates.operations import publish_group
from tallystick.authority.reference.taxrates.queries import current_groups
from tallystick.crypto.keys import generate_p256_key
from tallystick.kernel.device_commands import CommandKind, RateChange, rate_change
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.ops.remote_devices import DEVICES, Connection, RegistryOfCommands
from tallystick.wire.device_command import read_command, read_result

AT = datetime.now(UTC) + timedelta(days=1)
"""Devices of the bench are registered by the database's clock."""


def group(number: int, days: int, rate: str = "20") -> TaxRateGroup:
    category = TaxCategory("VAT", TaxCategoryType.TAX_ON_NET, 1, (TaxRate("A", Rate.of(rate)),))
    return TaxRateGroup(AT.replace(microsecond=0) + timedelta(days=days), number, (category,))


class Fleet(RegistryOfCommands):
    """The registry with some devices alone."""

    def __init__(self, uids: set[str]) -> None:
        self.uids = uids

    def registered_before(self, conn: Connection, after: str, before: datetime, most: int) -> list[str]:
        there = super().registered_before(conn, "", before, 10_000)
        return [one for one in sorted(self.uids & set(there)) if one > after][:most]


@pytest.fixture
def teller(control: Control, bench: PkiBench, monkeypatch: pytest.MonkeyPatch) -> Iterator[RateTeller]:
    """Over the devices of this test alone, as others share the database; one a page."""
    monkeypatch.setattr(rates, "PAGE_DEVICES", 1)
    yield RateTeller(Fleet({bench.uid, bench.other}))
    control.conn.rollback()
    control.conn.execute("SET LOCAL session_replication_role = replica")
    for table in ("remote.told_rates", "taxrates.rate", "taxrates.category", "taxrates.rate_group"):
        control.conn.execute(f"DELETE FROM {table} WHERE group_id BETWEEN 101 AND 199")
    control.conn.commit()


def publish(control: Control, *groups: TaxRateGroup) -> None:
    for one in groups:
        assert publish_group(control.conn, one)
    control.conn.commit()


def rounds(control: Control, teller: RateTeller, at: datetime = AT, most: int = 10) -> int:
    """As the worker does, while the unit signs in between; how many commands there were."""
    given = 0
    for _ in range(most):
        given += teller.round(control.conn, current_groups(control.conn), at)
        control.sign(at)
    return given


def waiting(control: Control, uid: str, at: datetime = AT) -> list[GivenCommand]:
    return [one for one in operations.fetch(control.conn, uid, at) if one.kind is CommandKind.RATES]


def test_s0_030_a_published_group_is_told_to_every_device_once(
    control: Control, bench: PkiBench, teller: RateTeller
) -> None:
    publish(control, group(101, 30))
    assert rounds(control, teller) == 2
    for uid in (bench.uid, bench.other):
        (given,) = waiting(control, uid)
        wanted = RateChange(group=101, valid_from_ms=unix_ms(group(101, 30).valid_from), labels={"A": "20"})
        assert given.wanted == wanted
        assert given.compact is not None
        assert read_command(given.compact).command.wanted == wanted, "signed as any command"
    assert rounds(control, teller, AT + timedelta(hours=1)) == 0, "once"
    assert rounds(control, RateTeller(teller.devices)) == 0, "also by a worker that has just begun"
    acts = activity.newest(control.conn, verb=rates.TELL, thing="rates:101")
    assert [one.act.facts["given"] for one in acts] == ["1", "1"], "one act a page"


def test_who_was_away_until_the_command_ended_is_told_again_and_an_answer_ends_it(
    control: Control, bench: PkiBench, teller: RateTeller
) -> None:
    publish(control, group(102, 90))
    assert rounds(control, teller) == 2
    (given,) = waiting(control, bench.uid)
    assert given.compact is not None
    key = generate_p256_key()
    handle = key.handle
    assert isinstance(handle, ec.EllipticCurvePrivateKey)
    register = Answering(bench.uid, handle, b"", AUDIENCE)
    done = read_result(register.result(given.number, given.compact, at=AT, state="active"))
    operations.take_result(control.conn, done, "", AT)
    control.conn.commit()
    late = AT + timedelta(days=31)
    assert rounds(control, teller, late) == 1
    assert waiting(control, bench.uid, late) == []
    assert len(waiting(control, bench.other, late)) == 1


def test_a_device_that_is_registered_meanwhile_is_told_with_the_next_pass(
    control: Control, bench: PkiBench, teller: RateTeller
) -> None:
    publish(control, group(109, 30))
    registry.close_device(control.conn, bench.other, AT, "the shop closed", "officer:vera")
    assert rounds(control, teller) == 1, "a closed one is not told"
    fleet = PkiBench(bench.conn, bench.home, bench.services)
    fleet.register(fleet.uid, tin=DEVICES.device(control.conn, bench.uid).tin)  # type: ignore[union-attr]
    assert isinstance(teller.devices, Fleet)
    teller.devices.uids.add(fleet.uid)
    control.conn.commit()
    assert rounds(control, teller, AT + timedelta(minutes=1)) == 0
    assert rounds(control, teller, AT + rates.PASS_EVERY) == 1
    assert len(waiting(control, fleet.uid)) == 1


def test_a_hold_waits_behind_one_page_at_most(control: Control, bench: PkiBench, teller: RateTeller) -> None:
    publish(control, group(103, 30))
    control.give(bench.other, HOLD, at=AT)
    assert teller.round(control.conn, current_groups(control.conn), AT) == 0, "something waits for its signature"
    control.sign(AT)
    assert teller.round(control.conn, current_groups(control.conn), AT) == 1
    assert teller.round(control.conn, current_groups(control.conn), AT) == 0


def test_groups_of_the_past_and_those_a_device_was_set_up_with_are_not_told(
    control: Control, bench: PkiBench, teller: RateTeller
) -> None:
    publish(control, group(104, -900), group(105, -800))
    assert [one.group_id for one in groups_to_tell(current_groups(control.conn), AT)] == [105]
    assert rounds(control, teller) == 0, "both devices were registered under it"


def test_a_group_that_no_command_can_say_keeps_nothing_else_from_being_told(
    control: Control, bench: PkiBench, teller: RateTeller, caplog: pytest.LogCaptureFixture
) -> None:
    publish(control, group(106, 30, "0.00001"), group(107, 60))
    assert rounds(control, teller) == 2
    assert "106 is told to nobody" in caplog.text


def test_two_workers_tell_a_device_once(control: Control, bench: PkiBench, teller: RateTeller) -> None:
    """The second one comes between the look and the command."""
    publish(control, group(108, 30))
    found = group(108, 30)
    assert rates.tell(control.conn, DEVICES, found, [bench.uid], AT) == 1
    control.conn.commit()
    change = rate_change(found)
    with pytest.raises(rates._ToldMeanwhile), control.conn.transaction():
        rates._tell_one(control.conn, DEVICES, change, bench.uid, 0, AT)
    control.sign(AT)
    assert len(waiting(control, bench.uid)) == 1
