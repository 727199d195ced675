"""First requests: filled in without a user, confirmed by a person or a rule, never two registers (S1-018, S1-023)."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import attrs
import psycopg
import pytest
from cards import NOW
from national_bench import ANNA, conclude, fresh_tin
from pki_acts import enrol
from pki_bench import PkiBench, csr, p256, refused, rows

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries, recognition, register_rules, registering
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.reference.registry.presented import Answer, Presentation, PresentedState
from tallystick.authority.reference.registry.values import FiscalDevice, FormFactor, Premises
from tallystick.crypto.keys import PublicKey
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.limits import LIMITS, Limits
from tallystick.ops.connecting import connecting_services
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import INTAKE, as_role

EST = "https://enrol.example/.well-known/est/"
BUILD, HARD_BUILD, WITHDRAWN = "ab" * 32, "cd" * 32, "ef" * 32
WHY = "nobody here knows this register"
SERIALS = (f"SN-{number}" for number in itertools.count(1))
ADDRESSES = (f"198.51.100.{number}" for number in itertools.count(1))


@pytest.fixture(scope="module", autouse=True)
def builds(pki_in_database: PkiBench) -> None:
    """One maker with certified builds of two classes and one that was withdrawn."""
    pki_in_database.conn.execute("""INSERT INTO builds.maker VALUES ('acme', 'Acme Ltd', 'k', NULL, true, now())""")
    for build, kind, state in (
        (BUILD, "software-register", "certified"),
        (HARD_BUILD, "hardware-register", "certified"),
        (WITHDRAWN, "software-register", "suspended"),
    ):
        pki_in_database.conn.execute(
            """INSERT INTO builds.build (build_id, maker, product, version, class, manifest, submitted_at)
               VALUES (%s, 'acme', 'Till ' || %s, '1', %s, 'm', now())""",
            [build, build[:2], kind],
        )
        for step in dict.fromkeys(("certified", state)):
            pki_in_database.conn.execute("UPDATE builds.build SET state = %s WHERE build_id = %s", [step, build])
    pki_in_database.conn.commit()


@attrs.define
class Shop:
    """A taxpayer with an agreement and a shop, and the services of the house."""

    bench: PkiBench
    tin: Tin
    premises: int
    services: ConnectingServices
    address: str = attrs.field(factory=lambda: next(ADDRESSES))

    def presentation(self, **changes: Any) -> Presentation:
        told: dict[str, Any] = {
            "tin": self.tin,
            "device_class": DeviceClass.SOFTWARE,
            "build_id": BUILD,
            "serial_number": next(SERIALS),
            "key_hash": PublicKey.from_spki(spki(p256())).fingerprint,
            "form_factor": FormFactor.SMARTPHONE,
        }
        return Presentation(**(told | changes))

    def present(self, asked: Presentation, at: Any = NOW) -> Answer:
        answer = recognition.present(self.bench.conn, self.services, asked, came_from=self.address, at=at)
        self.bench.conn.commit()
        return answer

    def premises_more(self, code: str) -> int:
        made = registry.register_premises(
            self.bench.conn, Premises(tin=self.tin, code=code, name=f"Shop {code}", address="Main Street 1")
        )
        self.bench.conn.commit()
        return made


def spki(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    made: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return made


@pytest.fixture
def shop(bench: PkiBench) -> Shop:
    tin = fresh_tin(bench)
    conclude(bench, tin)
    services = connecting_services(attrs.evolve(load_pack("AQ")), EST)
    made = Shop(bench, tin, 0, services)
    made.premises = made.premises_more("1")
    return made


def devices(shop: Shop) -> list[tuple[object, ...]]:
    return rows(shop.bench.conn, f"SELECT uid, premises_id FROM registry.fiscal_device WHERE tin = '{shop.tin}'")


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
    for place, code in ((None, "TS-2401"), (2**40, "TS-1313"), (other_shop(shop).premises, "TS-1313")):
        with refused(code):
            recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, place, ANNA, NOW)
        shop.bench.conn.rollback()
    recognition.confirm(shop.bench.conn, shop.services, waiting.pending_id, second, ANNA, NOW)
    assert [place for _, place in devices(shop)] == [second]


def other_shop(shop: Shop) -> Shop:
    other = Shop(shop.bench, fresh_tin(shop.bench), 0, shop.services)
    conclude(shop.bench, other.tin)
    other.premises = other.premises_more("1")
    return other


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
    abroad = other_shop(shop)
    with refused("TS-3004"):
        abroad.present(abroad.presentation(serial_number=serial))


def test_s1_024_a_register_that_was_entered_by_hand_is_known_at_its_first_request(shop: Shop) -> None:
    asked = shop.presentation(maker="acme", model="Till ab", memory_number="M-77")
    entered = device(shop, serial_number=asked.serial_number, memory_number="M-77", enterprise_number="Kasse 3")
    registering.register_device(shop.bench.conn, shop.services, entered, "shell:anna", NOW)
    told = shop.present(asked)
    assert (told.state, told.uid, told.code) == (PresentedState.CONFIRMED, entered.uid, ""), "a person brings the code"


def device(shop: Shop, **changes: Any) -> FiscalDevice:
    told: dict[str, Any] = {
        "uid": Uid(registering.free_uid(shop.bench.conn)),
        "device_class": 1,
        "tin": shop.tin,
        "premises_id": shop.premises,
        "maker": "acme",
        "model": "Till ab",
        "serial_number": next(SERIALS),
    }
    return FiscalDevice(**(told | changes))


def test_s1_024_what_a_device_entered_by_hand_needs(shop: Shop) -> None:
    services, conn = shop.services, shop.bench.conn
    made = registering.register_device(conn, services, device(shop), "shell:anna", NOW)
    assert registering.register_device(conn, services, made, "shell:anna", NOW) == made, "the same again"
    told = [one.act.verb for one in activity.newest(conn, thing=f"device:{made.uid}")]
    assert told == ["registry.device"]
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"premises_id": None}, "TS-2401"),
        ({"premises_id": other_shop(shop).premises}, "TS-1313"),
        ({"tin": Tin("700000000")}, "TS-1313"),
        ({"tin": fresh_tin(shop.bench)}, "TS-2402"),
        ({"serial_number": made.serial_number}, "TS-3004"),
    )
    for changes, code in cases:
        with refused(code):
            registering.register_device(conn, services, device(shop, **changes), "shell:anna", NOW)
    erp = registering.register_device(conn, services, device(shop, device_class=4, premises_id=None), "shell:anna", NOW)
    assert erp.premises_id is None, "an ERP stands at no point"


def accept(shop: Shop, most: int = 2, **changes: Any) -> int:
    told: dict[str, Any] = {
        "premises_id": shop.premises,
        "makers": ("acme",),
        "until": NOW + timedelta(days=3),
        "by": ANNA,
    }
    number = register_rules.accept_registers(shop.bench.conn, shop.tin, most=most, at=NOW, **(told | changes))
    shop.bench.conn.commit()
    return number


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
