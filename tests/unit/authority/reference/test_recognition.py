"""First requests: filled in without a user, confirmed by a person, never two registers (S1-018, S1-023)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from cards import NOW
from connected_bench import ANNA, fresh_tin
from pki_acts import enrol
from pki_bench import csr, p256, refused, rows
from register_shop import (
    BUILD,
    EST,
    HARD_BUILD,
    SERIALS,
    WHY,
    WITHDRAWN,
    Shop,
    accept,
    device,
    devices,
    open_shop,
    spki,
)

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.registry import queries, recognition, registering
from tallystick.authority.reference.registry.presented import PresentedState
from tallystick.authority.reference.registry.values import FormFactor
from tallystick.crypto.keys import PublicKey
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.identifiers import Tin


def test_s1_023_a_register_is_recognised_confirmed_and_enrols(shop: Shop) -> None:
    """From the first request to its certificate: a person says where it stands, and nothing else."""
    key = p256()
    asked = shop.presentation(key_hash=PublicKey.from_spki(spki(key)).fingerprint)
    first = shop.present(asked)
    assert (first.state, first.uid, first.code) == (PresentedState.PENDING, "", "")
    assert shop.present(asked) == first, "the same again"
    assert devices(shop) == [], "K-22: no device before a person or a rule has spoken"
    made = recognition.confirm(shop.bench.conn, shop.services, first.pending_id, None, ANNA, NOW)
    shop.bench.conn.commit()
    assert made.code == "", "the register fetches its code itself"
    told = shop.present(asked)
    assert (told.state, told.uid, told.enrol_url) == (PresentedState.CONFIRMED, made.uid, EST)
    again = shop.present(asked)
    assert attrs.evolve(again, code="") == attrs.evolve(told, code="")
    assert devices(shop) == [(made.uid, shop.premises)], "never two"
    found = queries.fiscal_device(shop.bench.conn, made.uid)
    assert found is not None
    assert (found.maker, found.model, found.serial_number) == ("acme", "Till ab", asked.serial_number)
    assert found.form_factor is FormFactor.SMARTPHONE
    enrol(shop.bench, again.code, csr(key), made.uid)
    assert shop.present(asked).code == "", "it has its certificate"
    acts = [one.act.verb for one in activity.newest(shop.bench.conn, thing=f"register:{first.pending_id}")]
    assert acts == ["registry.confirm-register"]


def test_ts_3001_a_code_that_was_overheard_enrols_no_other_key(shop: Shop) -> None:
    asked = shop.presentation()
    waiting = shop.present(asked)
    made = recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, None, ANNA, NOW)
    overheard = shop.present(asked).code
    with refused("TS-3001"):
        enrol(shop.bench, overheard, csr(p256()), made.uid)


def test_a_register_without_a_key_gets_its_code_from_the_person(shop: Shop) -> None:
    asked = shop.presentation(key_hash=b"")
    waiting = shop.present(asked)
    made = recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, None, ANNA, NOW)
    shop.bench.conn.commit()
    assert shop.present(asked).code == ""
    assert made.code
    enrol(shop.bench, made.code, csr(p256()), made.uid)


def test_s1_025_one_point_is_proposed_and_of_several_a_person_says_which(shop: Shop) -> None:
    second = shop.premises_more("2")
    waiting = shop.present(shop.presentation())
    for place, code in ((None, "TS-2401"), (2**40, "TS-1313"), (open_shop(shop.bench).premises, "TS-1313")):
        with refused(code):
            recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, place, ANNA, NOW)
        shop.bench.conn.rollback()
    recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, second, ANNA, NOW)
    assert [place for _, place in devices(shop)] == [second]


def test_s1_022_without_an_agreement_nothing_is_taken_in(shop: Shop) -> None:
    """And who has none is not told apart from who is no taxpayer."""
    poor = fresh_tin(shop.bench)
    messages = set()
    for tin in (poor, "700000000"):
        with pytest.raises(Exception, match="TS-2402") as caught:
            shop.present(shop.presentation(tin=tin))
        messages.add(str(caught.value))
        shop.bench.conn.rollback()
    assert len(messages) == 1
    waiting = shop.present(shop.presentation())
    later = NOW + timedelta(days=1)
    shop.bench.conn.execute(
        "UPDATE agreements.agreement SET until = %s, ended_by = 'x', ended_at = now() WHERE tin = %s", [later, shop.tin]
    )
    with refused("TS-2402"):
        recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, None, ANNA, later)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"build_id": "00" * 32}, "TS-2406"),
        ({"build_id": WITHDRAWN}, "TS-2406"),
        ({"build_id": HARD_BUILD}, "TS-2406"),
        ({"maker": "another"}, "TS-2406"),
        ({"device_class": DeviceClass.VSDC}, "TS-2405"),
        ({"tin": "no tin"}, "TS-1313"),
        ({"serial_number": ""}, "TS-1220"),
        ({"serial_number": "a\nb"}, "TS-1220"),
        ({"serial_number": "a\0"}, "TS-1220"),
        ({"model": "x" * 81}, "TS-1220"),
        ({"key_hash": b"short"}, "TS-1220"),
        ({"maker_certificate": bytes(33)}, "TS-1220"),
    ],
)
def test_s0_082_what_cannot_be_a_register_leaves_nothing(shop: Shop, changes: dict[str, Any], code: str) -> None:
    with refused(code):
        shop.present(shop.presentation(**changes))
    shop.bench.conn.rollback()
    assert rows(shop.bench.conn, f"SELECT count(*) FROM registry.pending_register WHERE tin = '{shop.tin}'") == [(0,)]


def test_a_build_that_was_withdrawn_meanwhile_is_not_confirmed(shop: Shop) -> None:
    asked = shop.presentation()
    waiting = shop.present(asked)
    with shop.bench.conn.transaction(force_rollback=True):
        shop.bench.conn.execute("UPDATE builds.build SET state = 'suspended' WHERE build_id = %s", [BUILD])
        with refused("TS-2406"):
            recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, None, ANNA, NOW)
    with refused("TS-2406"):
        shop.present(attrs.evolve(asked, build_id=WITHDRAWN))


def test_s0_084_hardware_waits_for_the_report_on_its_memory(shop: Shop) -> None:
    """Where the country is no test environment; also a rule does not stand in for it."""
    real = attrs.evolve(shop.services, policy=attrs.evolve(shop.services.policy, simulated_memory=False))
    shop.services = real
    accept(shop)
    waiting = shop.present(
        shop.presentation(device_class=DeviceClass.HARDWARE, build_id=HARD_BUILD, memory_number="M1")
    )
    assert waiting.state is PresentedState.PENDING
    with refused("TS-3230"):
        recognition.confirm(shop.bench.conn, real, waiting.pending_id, None, ANNA, NOW)
    shop.bench.conn.rollback()
    made = recognition.confirm(
        shop.bench.conn, real, waiting.pending_id, None, ANNA, NOW, memory_report="LAB-7", enterprise_number="K-12"
    )
    found = queries.fiscal_device(shop.bench.conn, made.uid)
    assert found is not None
    assert (found.memory_number, found.memory_report, found.enterprise_number) == ("M1", "LAB-7", "K-12")


def test_a_refused_register_is_told_why_and_stays_refused(shop: Shop) -> None:
    asked = shop.presentation()
    waiting = shop.present(asked)
    recognition.refuse(shop.bench.conn, waiting.pending_id, ANNA, WHY, NOW)
    shop.bench.conn.commit()
    told = shop.present(asked)
    assert (told.state, told.reason, told.code) == (PresentedState.REFUSED, WHY, "")
    for again in (
        lambda: recognition.refuse(shop.bench.conn, waiting.pending_id, ANNA, WHY, NOW),
        lambda: recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, None, ANNA, NOW),
    ):
        with refused("TS-4007"):
            again()


def test_of_two_that_show_one_serial_number_one_is_confirmed(shop: Shop) -> None:
    """Whoever copied a serial number before the register came does not keep it out, nor gets in beside it."""
    serial = next(SERIALS)
    thief, mine = shop.presentation(serial_number=serial), shop.presentation(serial_number=serial)
    shop.present(thief)
    waiting = shop.present(mine)
    recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, None, ANNA, NOW)
    shop.bench.conn.commit()
    assert shop.present(mine).state is PresentedState.CONFIRMED
    assert shop.present(thief).state is PresentedState.REFUSED
    assert len(devices(shop)) == 1
    abroad = open_shop(shop.bench)
    with refused("TS-3004"):
        abroad.present(abroad.presentation(serial_number=serial))


def test_s1_024_a_register_that_was_entered_by_hand_is_known_at_its_first_request(shop: Shop) -> None:
    asked = shop.presentation(maker="acme", model="Till ab", memory_number="M-77")
    entered = device(shop, serial_number=asked.serial_number, memory_number="M-77", enterprise_number="Kasse 3")
    registering.register_device(shop.bench.conn, shop.services, entered, "shell:anna", NOW)
    told = shop.present(asked)
    assert (told.state, told.uid, told.code) == (PresentedState.CONFIRMED, entered.uid, ""), "a person brings the code"


def test_s1_024_what_a_device_entered_by_hand_needs(shop: Shop) -> None:
    services, conn = shop.services, shop.bench.conn
    made = registering.register_device(conn, services, device(shop), "shell:anna", NOW)
    assert registering.register_device(conn, services, made, "shell:anna", NOW) == made, "the same again"
    told = [one.act.verb for one in activity.newest(conn, thing=f"device:{made.uid}")]
    assert told == ["registry.device"]
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"premises_id": None}, "TS-2401"),
        ({"premises_id": open_shop(shop.bench).premises}, "TS-1313"),
        ({"tin": Tin("700000000")}, "TS-1313"),
        ({"tin": fresh_tin(shop.bench)}, "TS-2402"),
        ({"serial_number": made.serial_number}, "TS-3004"),
    )
    for changes, code in cases:
        with refused(code):
            registering.register_device(conn, services, device(shop, **changes), "shell:anna", NOW)
    erp = registering.register_device(conn, services, device(shop, device_class=4, premises_id=None), "shell:anna", NOW)
    assert erp.premises_id is None, "an ERP stands at no point"
