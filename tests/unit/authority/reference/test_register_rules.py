"""First requests: what a rule lets in, who may speak for a taxpayer, and the bounds against floods (S1-023)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from cards import NOW
from connected_bench import ANNA
from pki_bench import refused, rows
from register_shop import ADDRESSES, EST, WHY, Shop, accept, devices

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import recognition, register_rules
from tallystick.authority.reference.registry.presented import PresentedState
from tallystick.kernel.limits import LIMITS, Limits
from tallystick.ops.schema.roles import INTAKE, as_role


def test_s1_023_a_rule_lets_so_many_in_and_no_more(shop: Shop) -> None:
    number = accept(shop, most=2)
    for _ in range(2):
        told = shop.present(shop.presentation())
        assert (told.state, told.enrol_url) == (PresentedState.CONFIRMED, EST)
        assert told.code
    assert shop.present(shop.presentation()).state is PresentedState.PENDING, "the rule is used up"
    assert [place for _, place in devices(shop)] == [shop.premises] * 2
    acts = {one.act.actor for one in activity.newest(shop.bench.conn, limit=200) if one.act.verb == "registry.device"}
    assert f"rule:{number}" in acts


def test_a_rule_ends_is_for_its_makers_and_needs_a_key(shop: Shop) -> None:
    accept(shop, makers=("someone",))
    assert shop.present(shop.presentation()).state is PresentedState.PENDING
    number = accept(shop)
    assert shop.present(shop.presentation(key_hash=b"")).state is PresentedState.PENDING
    assert shop.present(shop.presentation(), NOW + timedelta(days=3)).state is PresentedState.PENDING
    register_rules.end_rule(shop.bench.conn, number, ANNA, NOW)
    assert shop.present(shop.presentation()).state is PresentedState.PENDING
    with refused("TS-4003"):
        register_rules.end_rule(shop.bench.conn, number, ANNA, NOW)


def test_two_points_that_both_accept_need_a_person(shop: Shop) -> None:
    accept(shop)
    accept(shop, premises_id=shop.premises_more("2"))
    assert shop.present(shop.presentation()).state is PresentedState.PENDING


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"most": 0}, "TS-1220"),
        ({"most": 1001}, "TS-1220"),
        ({"makers": ()}, "TS-1220"),
        ({"until": NOW}, "TS-1220"),
        ({"until": NOW + timedelta(days=32)}, "TS-1220"),
        ({"premises_id": 2**40}, "TS-1313"),
    ],
)
def test_a_rule_has_bounds(shop: Shop, changes: dict[str, Any], code: str) -> None:
    with refused(code):
        accept(shop, **changes)


def test_ts_4003_a_service_centre_confirms_for_its_taxpayers_alone(shop: Shop) -> None:
    conn, name = shop.bench.conn, f"centre-{shop.tin}"
    registry.create_user(conn, name, "hash", "", "service_centre")
    registry.create_user(conn, f"owner-{shop.tin}", "hash", "", "taxpayer")
    centre = Person(name, "portal", "service_centre")
    owner = Person(f"owner-{shop.tin}", "portal", "taxpayer")
    conn.commit()
    waiting = shop.present(shop.presentation())
    for stranger in (centre, owner, Person("nobody", "portal", "service_centre")):
        for deed in (
            lambda who: recognition.confirm(conn, shop.services, waiting.pending_id, None, who, NOW),
            lambda who: recognition.refuse(conn, waiting.pending_id, who, WHY, NOW),
            lambda who: accept(shop, by=who),
        ):
            with refused("TS-4003"):
                deed(stranger)
            conn.rollback()
    for one in (centre, owner):
        registry.let_user_act_for(conn, one.username, shop.tin)
    with refused("TS-4003"):  # his own word is the rule, a register at hand is the centre's
        recognition.confirm(conn, shop.services, waiting.pending_id, None, owner, NOW)
    recognition.confirm(conn, shop.services, waiting.pending_id, None, centre, NOW)
    accept(shop, by=owner)


def limited(monkeypatch: pytest.MonkeyPatch, **bounds: int) -> None:
    monkeypatch.setattr(recognition, "LIMITS", Limits(**bounds))


def test_ts_3233_new_registers_are_bounded_and_known_ones_are_answered(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = shop.presentation()
    shop.present(known)
    for bound in ("first_requests_per_address_hour", "pending_registers_per_taxpayer", "pending_registers"):
        limited(monkeypatch, **{bound: 1})
        with pytest.raises(Exception, match="TS-3233") as caught:
            shop.present(shop.presentation())
        assert caught.value.retry_after_seconds  # type: ignore[attr-defined]
        shop.bench.conn.rollback()
        assert shop.present(known).state is PresentedState.PENDING, "whoever is known is answered"
    limited(monkeypatch, first_requests_per_address_hour=1)
    assert shop.present(shop.presentation(), NOW + timedelta(hours=1)).state is PresentedState.PENDING
    shop.address = next(ADDRESSES)
    shop.present(shop.presentation())


def test_ts_3233_codes_of_one_register_are_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, register_codes_per_day=2)
    accept(shop)
    asked = shop.presentation()
    shop.present(asked)
    shop.present(asked)
    with refused("TS-3233"):
        shop.present(asked)
    shop.bench.conn.rollback()
    assert shop.present(asked, NOW + timedelta(days=1)).code


def test_old_first_requests_are_pruned_and_a_register_stays(shop: Shop) -> None:
    accept(shop, most=1)
    taken, waiting = shop.presentation(), shop.presentation()
    uid = shop.present(taken).uid
    shop.present(waiting)
    before = NOW + timedelta(days=LIMITS.pending_register_days)
    recognition.prune(shop.bench.conn, before)
    count = f"SELECT count(*) FROM registry.pending_register WHERE tin = '{shop.tin}'"
    assert rows(shop.bench.conn, count) == [(2,)]
    shop.present(waiting, before)
    recognition.prune(shop.bench.conn, before + timedelta(seconds=1))
    assert rows(shop.bench.conn, count) == [(1,)]
    assert shop.present(taken, before).uid == uid, "known as a device from now on"


def test_two_at_once_make_one_register(shop: Shop) -> None:
    """The door may serve the same request twice at the same moment."""
    accept(shop)
    asked = shop.presentation()
    with psycopg.connect(as_role(shop.bench.conn.info.dsn, INTAKE)) as first:
        recognition.present(first, shop.services, asked, came_from="a", at=NOW)
        with psycopg.connect(as_role(shop.bench.conn.info.dsn, INTAKE)) as second:
            second.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                recognition.present(second, shop.services, asked, came_from="b", at=NOW)
            second.rollback()
            first.commit()
            assert recognition.present(second, shop.services, asked, came_from="b", at=NOW).uid
    assert len(devices(shop)) == 1
