"""Several issuing authorities in one branch, and one that is withdrawn after a compromise (S0-038, K-05)."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import psycopg
import pytest
from branches import ANNA, BERTA, follow, follow_in
from cards import NOW, TIN
from cryptography import x509
from pki_acts import LATE, SOON, issuance_of
from pki_bench import PkiBench, csr, p256, refused, rows

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.reference.pki import (
    enrolment,
    lists,
    operations,
    queries,
    renewal,
    succession,
    tasks,
    withdrawing,
)
from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.pki.values import Reason, Wish
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.generations import branch_of, generation_of
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.national_orders import DeviceFacts, device_order, device_profile, responder_order
from tallystick.crypto.revocation_lists import read_list
from tallystick.kernel.hashing import sha256
from tallystick.ops.pki_registry import enter_hierarchy
from tallystick.ops.pki_trust import gather
from tallystick.portals.pki.lines import authority_lines
from tallystick.wire.trust_list import AuthorityState, read_der


def renew(land: PkiBench, shown: bytes, request: bytes) -> bytes:
    return enrolment.renew(land.conn, land.services, shown, land.pki.device_trust_store(), request, LATE)


def forged_device(land: PkiBench, uid: str, name: str) -> bytes:
    """What somebody makes who has the key of an authority: a certificate of a registered device, in no register."""
    facts = DeviceFacts(
        uid=uid, device_class=DeviceClass.SOFTWARE, tin=TIN, taxpayer="Corner Shop Ltd", premises="1", premises_name="x"
    )
    profile = device_profile(DeviceClass.SOFTWARE, land.services.arc)
    order = device_order(facts, PublicKey(p256().public_key()), land.services.arc, profile)
    return land.services.authority(name).issue(order, NOW)


def test_s0_038_a_second_authority_stands_beside_the_first_and_a_renewal_moves_to_it(land: PkiBench) -> None:
    """Name, key, list and addresses are its own; the first one's certificates stay good, and its lists go on."""
    before = follow_in(land, "device-ca")
    first = land.enrol(land.uid)
    name = follow_in(land, "device-ca")
    assert (branch_of(name), generation_of(name)) == ("device-ca", generation_of(before) + 1)
    one, two = (land.pki.authority_certificate(each) for each in (before, name))
    assert read_facts(two).subject != read_facts(one).subject
    assert read_facts(two).key_hash != read_facts(one).key_hash
    assert succession.issuing(land.conn, "device-ca", SOON) == name

    second = land.enrol(land.other)
    points = x509.load_der_x509_certificate(second).extensions.get_extension_for_class(x509.CRLDistributionPoints)
    assert f"/crl/{name}.crl" in str(points.value[0].full_name)
    assert [issuance_of(land, der).authority for der in (first, second)] == [before, name]
    moved = renew(land, first, csr(p256()))
    assert issuance_of(land, moved).authority == name

    port = land.services.registry
    for each in lists.due(land.conn, port, [before, name], SOON):
        made = lists.make(land.conn, port, each, land.services.authority(each), SOON)
        read_list(made.der, land.pki.authority_certificate(each), SOON)
    assert {before, name} <= set(queries.newest_lists(land.conn))
    listed = gather(land.conn, port, "log", first, SOON).authorities
    assert {each.name: each.state for each in listed if each.name in (before, name)} == {
        before: AuthorityState.ACTIVE,
        name: AuthorityState.ACTIVE,
    }
    assert list(reconcile(land.conn, SOON)) == []


def test_the_newest_authority_that_may_issue_does(land: PkiBench) -> None:
    """Not one whose years are over, nor one that is not valid yet; without any, the newest says why not."""
    name = follow_in(land, "hardware-device-ca")
    assert succession.issuing(land.conn, "hardware-device-ca", SOON) == name
    after = NOW + timedelta(days=5 * 365 + 1)
    assert (
        succession.issuing(land.conn, "hardware-device-ca", after)
        == land.pki.branches.issuing("hardware-device-ca", after)
        == name
    )
    told = {line.name: line.warnings for line in authority_lines(land.conn, land.services.registry, after)}
    assert "it issues no more" in told[name], "somebody must make the next one"
    assert "it issues no more" not in told["hardware-device-ca"], "it was followed long ago"
    late = follow(land.pki, "hardware-device-ca", after)
    enter_hierarchy(land.conn, land.pki, NOW)
    assert (
        succession.issuing(land.conn, "hardware-device-ca", SOON)
        == land.pki.branches.issuing("hardware-device-ca", SOON)
        == name
    )
    assert (
        succession.issuing(land.conn, "hardware-device-ca", after)
        == land.pki.branches.issuing("hardware-device-ca", after)
        == late
    )


def test_an_authority_past_its_years_still_certifies_who_answers_for_it(land: PkiBench) -> None:
    key = PublicKey(p256().public_key())
    wish = Wish(holder="service:later", request=b"later", requested_by="process:pki", purpose="test")
    authority, at = land.services.authority("hardware-device-ca"), NOW + timedelta(days=6 * 365)
    made = operations.issue(
        land.conn, "hardware-device-ca", authority, responder_order("hardware-device-ca", key), wish, at
    )
    assert read_facts(made).not_after > at


def test_k_05_two_officers_withdraw_an_authority_and_all_that_it_certified(land: PkiBench) -> None:
    conn, port = land.conn, land.services.registry
    name = follow_in(land, "device-ca")
    held = land.enrol(land.uid)
    forged = forged_device(land, land.uid, name)
    number, count = withdrawing.ask(conn, port, name, Reason.CA_COMPROMISE, "its key was stolen", ANNA, SOON)
    assert count >= 1
    conn.commit()
    assert withdrawing.withdraw_asked(conn, port, SOON) is None, "one officer alone does nothing"
    with refused("TS-4005"):
        approvals.approve(conn, number, ANNA, SOON)
    with refused("TS-3023"):
        withdrawing.ask(conn, port, name, Reason.SUPERSEDED, "it is old by now", ANNA, SOON)
    for none in ("root", "device-ca-77"):
        with refused("TS-3022"):
            withdrawing.ask(conn, port, none, Reason.CA_COMPROMISE, "its key was stolen", ANNA, SOON)
    approvals.approve(conn, number, BERTA, SOON)
    conn.commit()
    assert withdrawing.withdraw_asked(conn, port, SOON) == name
    conn.commit()

    revoked = port.revocation(conn, sha256(held))
    assert revoked is not None
    assert (revoked.revoked_at, revoked.reason) == (SOON, Reason.CA_COMPROMISE)
    for shown in (held, forged):  # one that the register has, and one that only the thief has
        with refused("TS-1104"):
            renew(land, shown, csr(p256()))
    advice = renewal.advise(conn, port, read_facts(held).renewal_id, LATE)
    assert (advice.start, advice.why) == (LATE, "TS-1104"), "renew now, by a new code"
    with refused("TS-3024"):
        operations.enter_issued(
            conn,
            name,
            "device",
            forged,
            Wish(holder=f"device:{land.uid}", request=forged, requested_by="x", purpose="x"),
            SOON,
        )
    assert lists.due(conn, port, [name], SOON) == [name]
    made = lists.make(conn, port, name, land.services.authority(name), SOON)
    assert read_list(made.der, land.pki.authority_certificate(name), SOON).revoked[read_facts(held).serial].reason == 2

    with refused("TS-3080"):
        withdrawing.ask(conn, port, name, Reason.CA_COMPROMISE, "its key was stolen", ANNA, SOON)
    conn.rollback()
    code = land.code(land.uid, SOON)
    if succession.issuing(conn, "device-ca", SOON) == name:
        with refused("TS-3024"):
            enrolment.enrol(conn, land.services, land.uid, code, csr(p256()), SOON)
    later = follow_in(land, "device-ca")
    again = enrolment.enrol(conn, land.services, land.uid, code, csr(p256()), SOON)
    assert issuance_of(land, again).authority == later

    listed = {one.name: one for one in gather(conn, port, "log", held, SOON).authorities}
    assert (listed[name].state, listed[later].state) == (AuthorityState.DISTRUSTED, AuthorityState.ACTIVE)
    assert read_der(listed[name].certificate) == land.pki.authority_certificate(name)
    act = activity.newest(conn, thing=f"authority:{name}")[0].act
    assert (act.verb, act.actor, act.facts["reason"]) == (withdrawing.WITHDRAW, BERTA.actor, "ca-compromise")
    booked: list[dict[str, str]] = []

    def append(body: bytes, media_type: str, about: tasks.About) -> int:
        booked.append(msgspec.json.decode(body))
        return len(booked)

    tasks.publish(conn, append)
    told = [body for body in booked if body["type"] == "authority-withdrawal"]
    assert (name, "ca-compromise") in [(one["authority"], one["reason"]) for one in told]
    assert rows(conn, "SELECT count(*) FROM pki.withdrawal WHERE ledger_index IS NULL") == [(0,)]
    for statement in ("DELETE FROM pki.withdrawal", "UPDATE pki.withdrawal SET since = since - interval '1 day'"):
        with pytest.raises(psycopg.Error), conn.transaction():
            conn.execute(statement.encode())
