"""National devices as the intake sees them: certificates, states and agreements follow their rows within a moment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import attrs
import psycopg
import pytest
from cards import NOW, rsa_key
from connected_bench import ANNA, Watch, conclude, fresh_tin
from pki_acts import LATE, SOON, enrol, issuance_of, revoke, with_key_away
from pki_bench import OFFICER, PkiBench, csr, named, p256, refused, rows

import tallystick.authority.reference.pki
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.agreements import operations as agreements
from tallystick.authority.reference.following import refresh_all
from tallystick.authority.reference.pki import enrolment, revoking
from tallystick.authority.reference.pki.values import Reason
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.values import DeviceCertificate, NationalDevice, Taxpayer, standing_of
from tallystick.crypto.certificate_facts import read_facts
from tallystick.kernel.device_policy import DeviceClass, DeviceState
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Tin
from tallystick.ops.national_views import national_views


def device(watch: Watch, uid: str) -> NationalDevice:
    found = watch.look().device(uid)
    assert found is not None
    return found


def certificate(watch: Watch, der: bytes) -> DeviceCertificate:
    found = watch.look().certificate(sha256(der))
    assert found is not None
    return found


def test_s0_085_a_certificate_is_known_to_the_intake_from_its_issue_on(bench: PkiBench) -> None:
    watch = Watch(bench)
    made = bench.register(bench.uid)
    assert watch.look().device(bench.uid) is not None
    key = p256()
    der = enrol(bench, bench.code(bench.uid), csr(key))
    found, facts = certificate(watch, der), read_facts(der)
    assert (found.uid, found.tin, found.device_class) == (bench.uid, made.tin, DeviceClass.SOFTWARE)
    assert (found.not_before, found.not_after, found.authority) == (facts.not_before, facts.not_after, "device-ca")
    assert found.public_key.fingerprint == facts.key_hash
    assert found.revoked_at is None
    second = enrolment.renew(
        bench.conn, bench.services, der, bench.pki.device_trust_store(), csr(p256(), named(bench.uid)), LATE
    )
    assert certificate(watch, second).uid == bench.uid
    assert certificate(watch, der).uid == bench.uid, "the one before it stays good"
    first = rows(bench.conn, f"SELECT first_certificate FROM registry.fiscal_device WHERE uid = '{bench.uid}'")
    assert first == [(sha256(der),)]


def test_a_certificate_that_was_not_signed_is_not_known(bench: PkiBench) -> None:
    bench.register(bench.uid)
    with refused("TS-5004"):
        enrolment.enrol(
            bench.conn, with_key_away(bench), bench.uid, bench.code(bench.uid), csr(p256()), SOON
        )  # fmt: skip
    entered = f"SELECT count(*) FROM registry.device_certificate WHERE uid = '{bench.uid}'"
    assert rows(bench.conn, entered) == [(0,)]


def test_the_hardware_branch_is_told(bench: PkiBench) -> None:
    watch = Watch(bench)
    bench.register(bench.uid, device_class=2)
    der = enrol(bench, bench.code(bench.uid), csr(p256()))
    assert certificate(watch, der).authority == "hardware-device-ca"
    assert certificate(watch, der).device_class is DeviceClass.HARDWARE


def test_s0_064_a_revocation_and_the_end_of_a_hold_are_seen(bench: PkiBench) -> None:
    watch = Watch(bench)
    der = bench.enrol(bench.uid)
    assert not certificate(watch, der).was_revoked(LATE)
    revoke(bench, der, Reason.CERTIFICATE_HOLD)
    assert (certificate(watch, der).revoked_at, certificate(watch, der).revocation_reason) == (SOON, 6)
    revoking.release(bench.conn, bench.services.registry, issuance_of(bench, der), OFFICER, "found again", SOON)
    assert certificate(watch, der).revoked_at is None
    revoke(bench, der, Reason.KEY_COMPROMISE)
    assert certificate(watch, der).revocation_reason == 1
    assert certificate(watch, der).was_revoked(SOON)


def test_an_authority_that_is_withdrawn_takes_its_certificates_with_it(bench: PkiBench) -> None:
    """Whoever has its key makes certificates for any device of the branch; the moment is the first that applies."""
    soft, own = bench.enrol(bench.uid), bench.enrol(bench.other)
    revoke(bench, own, Reason.SUPERSEDED)
    with bench.conn.transaction(force_rollback=True):
        directory, views = national_views(lambda: NOW)
        refresh_all(bench.conn, views)
        ca = sha256(bench.pki.authority_certificate("device-ca"))
        bench.services.registry.revoke(bench.conn, ca, "authority:device-ca", LATE, Reason.CA_COMPROMISE)
        refresh_all(bench.conn, views)
        found = directory.certificate(sha256(soft)), directory.certificate(sha256(own))
    assert [(one.revoked_at, one.revocation_reason) for one in found if one] == [(LATE, 2), (SOON, 2)]


@pytest.mark.parametrize(
    ("authority", "is_hardware"),
    [
        ("hardware-device-ca", True),
        ("hardware-device-ca-2", True),
        ("device-ca", False),
        ("hardware-device-ca-x", False),
    ],
)
def test_s0_087_the_hardware_branch_has_later_authorities(bench: PkiBench, authority: str, is_hardware: bool) -> None:
    watch = Watch(bench)
    bench.register(bench.uid, device_class=2)
    shown = certificate(watch, enrol(bench, bench.code(bench.uid), csr(p256())))
    changed = attrs.evolve(shown, authority=authority)
    assert standing_of(device(watch, bench.uid), changed).from_hardware_authority is is_hardware


def test_the_seller_follows_taxpayer_and_premises(bench: PkiBench) -> None:
    watch, tin = Watch(bench), fresh_tin(bench)
    made = bench.register(bench.uid, tin=tin)
    seller = device(watch, bench.uid).seller
    assert (seller.tin, seller.business_name, seller.location_name) == (tin, "Corner Shop Ltd", "Shop 1")
    registry.register_taxpayer(bench.conn, Taxpayer(Tin(tin), "Corner Shops plc"))
    assert device(watch, bench.uid).seller.business_name == "Corner Shops plc"
    watch.look()  # so that the next look has to find the premises by themselves
    bench.conn.execute("UPDATE registry.premises SET address = 'Moved' WHERE premises_id = %s", [made.premises_id])
    assert device(watch, bench.uid).seller.address == "Moved"


def test_a_transaction_that_commits_late_is_not_passed_over(bench: PkiBench) -> None:
    watch, tin = Watch(bench), fresh_tin(bench)
    bench.register(bench.uid, tin=tin)
    device(watch, bench.uid)
    with psycopg.connect(bench.conn.info.dsn) as slow:
        registry.hold_device(slow, bench.uid, NOW, "it contradicted itself", OFFICER)
        registry.register_taxpayer(bench.conn, Taxpayer(Tin("799999999"), "somebody later"))
        bench.conn.commit()
        assert device(watch, bench.uid).state is DeviceState.ACTIVE
        slow.commit()
    assert device(watch, bench.uid).state is DeviceState.HOLD


def test_s1_022_an_agreement_begins_and_ends_with_the_clock(bench: PkiBench) -> None:
    watch, tin = Watch(bench), fresh_tin(bench)
    bench.register(bench.uid, tin=tin)
    assert not device(watch, bench.uid).has_agreement
    number = conclude(bench, tin, since=NOW + timedelta(hours=1))
    assert not device(watch, bench.uid).has_agreement
    watch.now = NOW + timedelta(hours=1)
    assert watch.directory.device(bench.uid).has_agreement  # type: ignore[union-attr]
    end = NOW + timedelta(hours=2)
    agreements.end(bench.conn, number, end, ANNA, "the shop is closed for good", NOW)
    assert device(watch, bench.uid).has_agreement
    watch.now = end
    assert not watch.directory.device(bench.uid).has_agreement  # type: ignore[union-attr]


def test_s1_033_hold_and_release_are_acts_and_closing_is_for_good(bench: PkiBench) -> None:
    watch = Watch(bench)
    bench.register(bench.uid)
    for change, state in (
        (registry.hold_device, DeviceState.HOLD),
        (registry.hold_device, DeviceState.HOLD),
        (registry.release_device, DeviceState.ACTIVE),
        (registry.close_device, DeviceState.CLOSED),
        (registry.close_device, DeviceState.CLOSED),
    ):
        change(bench.conn, bench.uid, NOW, "two documents under one number", OFFICER)
        assert device(watch, bench.uid).state is state
    registry.hold_device(bench.conn, bench.uid, NOW, "two documents under one number")
    assert device(watch, bench.uid).state is DeviceState.CLOSED, "what the intake finds late opens nothing"
    with refused("TS-2401"):
        registry.release_device(bench.conn, bench.uid, NOW, "another thought", OFFICER)
    registry.hold_device(bench.conn, "ZZZZZZZZ", NOW, "the intake goes on")
    with refused("TS-2401"):
        registry.close_device(bench.conn, "ZZZZZZZZ", NOW, "no such device")
    told = [(one.act.verb, one.act.actor) for one in activity.newest(bench.conn, thing=f"device:{bench.uid}")]
    deeds = ["registry.close-device", "registry.release-device", "registry.hold-device"]
    assert told == [(deed, OFFICER) for deed in deeds], "one act a change"
    with pytest.raises(psycopg.errors.CheckViolation):
        bench.conn.execute("UPDATE registry.fiscal_device SET state = 'active' WHERE uid = %s", [bench.uid])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registry.fiscal_device SET device_class = 2 WHERE uid = %s",
        "UPDATE registry.fiscal_device SET tin = '100000002' WHERE uid = %s",
        "UPDATE registry.fiscal_device SET serial_number = 'another' WHERE uid = %s",
        "UPDATE registry.fiscal_device SET first_certificate = NULL WHERE uid = %s",
        "DELETE FROM registry.fiscal_device WHERE uid = %s",
        "UPDATE registry.device_certificate SET device_class = 2 WHERE uid = %s",
        "DELETE FROM registry.device_certificate WHERE uid = %s",
    ],
)
def test_what_a_device_was_certified_as_stays(bench: PkiBench, statement: str) -> None:
    bench.enrol(bench.uid)
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege)):
        bench.conn.execute(statement.encode(), [bench.uid])


def test_ts_3004_one_uid_is_one_device_on_every_channel(bench: PkiBench) -> None:
    """The ledger knows a device by its UID alone, so a card and a register never share one."""
    cards = [
        bench.pki.issue_secure_element(bench.home.subject(uid), rsa_key(1).public.spki, at=NOW)
        for uid in (bench.uid, bench.other)
    ]
    bench.register(bench.uid)
    with refused("TS-3004"):
        as_card(bench, cards[0])
    as_card(bench, cards[1])
    with refused("TS-3004"):
        bench.register(bench.other)


def as_card(bench: PkiBench, der: bytes) -> None:
    registry.register_secure_element(
        bench.conn, der, environment=(1, 9), encryption_key="package-1", limit=Money.of(1)
    )  # fmt: skip


def test_what_was_certified_before_is_carried_over(bench: PkiBench) -> None:
    """A database of before knows certificates in the PKI alone; the migration enters them in their order."""
    bench.register(bench.other, device_class=2)
    ders = {
        bench.uid: bench.enrol(bench.uid),
        bench.other: enrol(bench, bench.code(bench.other), csr(p256()), bench.other),
    }
    second = enrolment.renew(
        bench.conn, bench.services, ders[bench.uid], bench.pki.device_trust_store(), csr(p256()), LATE
    )
    certificates = (
        "SELECT certificate_hash, uid, device_class, tin, authority, certificate, not_before, not_after, entered_at"
    )
    before = rows(bench.conn, certificates + " FROM registry.device_certificate ORDER BY entered")
    with bench.conn.transaction(force_rollback=True):
        bench.conn.execute("SET LOCAL session_replication_role = replica")
        bench.conn.execute("DELETE FROM registry.device_certificate")
        bench.conn.execute("UPDATE registry.fiscal_device SET first_certificate = NULL")
        bench.conn.execute("SET LOCAL session_replication_role = origin")
        schema = Path(tallystick.authority.reference.pki.__path__[0]) / "schema/0025_devices.sql"
        bench.conn.execute(schema.read_text("utf-8").partition("-- A code")[0].encode())
        assert rows(bench.conn, certificates + " FROM registry.device_certificate ORDER BY entered") == before
        firsts = rows(
            bench.conn,
            f"SELECT uid, first_certificate FROM registry.fiscal_device WHERE uid IN ('{bench.uid}', '{bench.other}')",
        )
        assert set(firsts) == {(uid, sha256(der)) for uid, der in ders.items()}
    assert sha256(second) in {digest for digest, *_ in before}


def test_an_authority_that_the_root_withdrew_takes_its_certificates_along(bench: PkiBench) -> None:
    """Without a list of its own for each: who has the authority's key can sign as any of them. Nothing is committed."""
    bench.register(bench.uid)
    der = enrol(bench, bench.code(bench.uid), csr(p256()))
    directory, views = national_views(lambda: LATE)
    refresh_all(bench.conn, views)
    before = directory.certificate(sha256(der))
    assert before is not None
    assert not before.was_revoked(LATE)
    authority = bench.pki.authority_certificate("device-ca")
    registry.revoke_certificate(bench.conn, sha256(authority), "device-ca", SOON, Reason.CA_COMPROMISE)
    refresh_all(bench.conn, views)
    found = directory.certificate(sha256(der))
    assert found is not None
    assert (found.revoked_at, found.revocation_reason) == (SOON, Reason.CA_COMPROMISE)
    assert not found.was_revoked(SOON - timedelta(seconds=1))
    bench.conn.rollback()


def test_s0_087_a_later_authority_of_the_hardware_branch_is_one(bench: PkiBench) -> None:
    watch = Watch(bench)
    bench.register(bench.uid, device_class=2)
    der = enrol(bench, bench.code(bench.uid), csr(p256()))
    found = attrs.evolve(certificate(watch, der), authority="hardware-device-ca-2")
    assert standing_of(device(watch, bench.uid), found).from_hardware_authority
    other = attrs.evolve(found, authority="device-ca-2")
    assert not standing_of(device(watch, bench.uid), other).from_hardware_authority


def test_s0_030_the_signers_of_a_device_on_hold_are_known(bench: PkiBench) -> None:
    """Those in force: what a revoked one sealed waits for no release."""
    watch = Watch(bench)
    watch.now = LATE
    der = bench.enrol(bench.uid)
    assert watch.look().held_signers() == frozenset()
    registry.hold_device(bench.conn, bench.uid, SOON, "it may be stolen", OFFICER)
    assert watch.look().held_signers() == {sha256(der)}
    registry.release_device(bench.conn, bench.uid, SOON, "it was found again", OFFICER)
    assert watch.look().held_signers() == frozenset()
    registry.hold_device(bench.conn, bench.uid, SOON, "it may be stolen", OFFICER)
    revoke(bench, der, Reason.KEY_COMPROMISE)
    assert watch.look().held_signers() == frozenset()
