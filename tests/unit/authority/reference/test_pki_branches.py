"""Several issuing authorities in one branch, and one that is withdrawn after a compromise (S0-038, K-05)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import msgspec
import psycopg
import pytest
from branches import follow, own_country
from cards import NOW, TIN, rsa_key
from cryptography import x509
from pki_acts import LATE, SOON, issuance_of
from pki_bench import PkiBench, csr, p256, refused, rows, shared_database

from tallystick.authority.channels.sdc import store as sdc_store
from tallystick.authority.channels.sdc import tokens
from tallystick.authority.channels.sdc.identity import Gatekeeper
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
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
from tallystick.authority.reference.pki.responder import OcspService
from tallystick.authority.reference.pki.timestamping import TimestampService
from tallystick.authority.reference.pki.values import IssuanceState, Reason, Wish
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.national_orders import DeviceFacts, device_order, device_profile, responder_order
from tallystick.crypto.revocation_lists import read_list
from tallystick.crypto.root_work import RootWork
from tallystick.crypto.signers import Signer
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Tin
from tallystick.ops.pki_registry import enter_card, enter_hierarchy, pki_services
from tallystick.ops.pki_trust import gather
from tallystick.ops.processes.context import Context
from tallystick.ops.processes.pki import Keeper
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.trust_list import AuthorityState, read_der

ANNA, BERTA = Person("anna", "portal"), Person("berta", "portal")


@pytest.fixture(scope="module")
def land(_hasty_server: str) -> Iterator[PkiBench]:
    """A country of its own with a database of its own, for its authorities come and go."""
    home = own_country()
    with shared_database(_hasty_server, "pki_branches") as connection:
        enter_hierarchy(connection, home.pki, NOW)
        connection.commit()
        yield PkiBench(connection, home, pki_services(home.pki))


@pytest.fixture
def bench(land: PkiBench) -> Iterator[PkiBench]:
    """Two devices that no other test has."""
    yield PkiBench(land.conn, land.home, land.services)
    land.conn.rollback()


def follow_in(bench: PkiBench, branch: str) -> str:
    name = follow(bench.pki, branch)
    enter_hierarchy(bench.conn, bench.pki, NOW)
    bench.conn.commit()
    return name


def withdraw(bench: PkiBench, name: str) -> None:
    """Two officers, and the process that carries it out."""
    port = bench.services.registry
    number, _ = withdrawing.ask(bench.conn, port, name, Reason.CA_COMPROMISE, "its key was stolen", ANNA, SOON)
    approvals.approve(bench.conn, number, BERTA, SOON)
    bench.conn.commit()
    assert withdrawing.withdraw_asked(bench.conn, port, SOON) == name
    bench.conn.commit()
    bench.pki.files.withdrawal(name).write_text("since")


def renew(bench: PkiBench, shown: bytes, request: bytes) -> bytes:
    return enrolment.renew(bench.conn, bench.services, shown, bench.pki.device_trust_store(), request, LATE)


def forged_device(bench: PkiBench, uid: str, name: str) -> bytes:
    """What somebody makes who has the key of an authority: a certificate of a registered device, in no register."""
    facts = DeviceFacts(
        uid=uid, device_class=DeviceClass.SOFTWARE, tin=TIN, taxpayer="Corner Shop Ltd", premises="1", premises_name="x"
    )
    profile = device_profile(DeviceClass.SOFTWARE, bench.services.arc)
    order = device_order(facts, PublicKey(p256().public_key()), bench.services.arc, profile)
    return bench.services.authority(name).issue(order, NOW)


def test_s0_038_a_second_authority_stands_beside_the_first_and_a_renewal_moves_to_it(bench: PkiBench) -> None:
    """Name, key, list and addresses are its own; the first one's certificates stay good, and its lists go on."""
    first = bench.enrol(bench.uid)
    name = follow_in(bench, "taxpayer-ca")
    assert name == "taxpayer-ca-2"
    name = follow_in(bench, "device-ca")
    one, two = (bench.pki.authority_certificate(each) for each in ("device-ca", name))
    assert read_facts(two).subject != read_facts(one).subject
    assert read_facts(two).key_hash != read_facts(one).key_hash
    assert succession.issuing(bench.conn, "device-ca", SOON) == name

    second = bench.enrol(bench.other)
    points = x509.load_der_x509_certificate(second).extensions.get_extension_for_class(x509.CRLDistributionPoints)
    assert f"/crl/{name}.crl" in str(points.value[0].full_name)
    assert [issuance_of(bench, der).authority for der in (first, second)] == ["device-ca", name]
    moved = renew(bench, first, csr(p256()))
    assert issuance_of(bench, moved).authority == name

    port = bench.services.registry
    for each in lists.due(bench.conn, port, ["device-ca", name], SOON):
        made = lists.make(bench.conn, port, each, bench.services.authority(each), SOON)
        read_list(made.der, bench.pki.authority_certificate(each), SOON)
    assert {"device-ca", name} <= set(queries.newest_lists(bench.conn))
    listed = gather(bench.conn, port, "log", first, SOON).authorities
    assert {each.name: each.state for each in listed if each.name in ("device-ca", name)} == {
        "device-ca": AuthorityState.ACTIVE,
        name: AuthorityState.ACTIVE,
    }
    assert list(reconcile(bench.conn, SOON)) == []


def test_the_newest_authority_that_may_issue_does(bench: PkiBench) -> None:
    """Not one whose years are over, nor one that is not valid yet; without any, the newest says why not."""
    name = follow_in(bench, "staff-ca")
    assert succession.issuing(bench.conn, "staff-ca", SOON) == name
    after = NOW + timedelta(days=5 * 365 + 1)
    assert succession.issuing(bench.conn, "staff-ca", after) == bench.pki.branches.issuing("staff-ca", after) == name
    late = follow(bench.pki, "staff-ca", after)
    enter_hierarchy(bench.conn, bench.pki, NOW)
    assert succession.issuing(bench.conn, "staff-ca", SOON) == bench.pki.branches.issuing("staff-ca", SOON) == name
    assert succession.issuing(bench.conn, "staff-ca", after) == bench.pki.branches.issuing("staff-ca", after) == late


def test_an_authority_past_its_years_still_certifies_who_answers_for_it(bench: PkiBench) -> None:
    key = PublicKey(p256().public_key())
    wish = Wish(holder="service:later", request=b"later", requested_by="process:pki", purpose="test")
    authority, at = bench.services.authority("hardware-device-ca"), NOW + timedelta(days=6 * 365)
    made = operations.issue(
        bench.conn, "hardware-device-ca", authority, responder_order("hardware-device-ca", key), wish, at
    )
    assert read_facts(made).not_after > at


def test_k_05_two_officers_withdraw_an_authority_and_all_that_it_certified(bench: PkiBench) -> None:
    conn, port = bench.conn, bench.services.registry
    name = succession.issuing(conn, "device-ca", SOON)
    held = bench.enrol(bench.uid)
    forged = forged_device(bench, bench.uid, name)
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
            renew(bench, shown, csr(p256()))
    assert renewal.advise(conn, port, read_facts(held).renewal_id, LATE).start == LATE, "renew now"
    with refused("TS-3024"):
        operations.enter_issued(
            conn,
            name,
            "device",
            forged,
            Wish(holder=f"device:{bench.uid}", request=forged, requested_by="x", purpose="x"),
            SOON,
        )
    assert lists.due(conn, port, [name], SOON) == [name]
    made = lists.make(conn, port, name, bench.services.authority(name), SOON)
    assert read_list(made.der, bench.pki.authority_certificate(name), SOON).revoked[read_facts(held).serial].reason == 2

    with refused("TS-3080"):
        withdrawing.ask(conn, port, name, Reason.CA_COMPROMISE, "its key was stolen", ANNA, SOON)
    conn.rollback()
    code = bench.code(bench.uid, SOON)
    if succession.issuing(conn, "device-ca", SOON) == name:
        with refused("TS-3024"):
            enrolment.enrol(conn, bench.services, bench.uid, code, csr(p256()), SOON)
    later = follow_in(bench, "device-ca")
    again = enrolment.enrol(conn, bench.services, bench.uid, code, csr(p256()), SOON)
    assert issuance_of(bench, again).authority == later

    listed = {one.name: one for one in gather(conn, port, "log", held, SOON).authorities}
    assert (listed[name].state, listed[later].state) == (AuthorityState.DISTRUSTED, AuthorityState.ACTIVE)
    assert read_der(listed[name].certificate) == bench.pki.authority_certificate(name)
    act = activity.newest(conn, thing=f"authority:{name}")[0].act
    assert (act.verb, act.actor, act.facts["reason"]) == (withdrawing.WITHDRAW, BERTA.actor, "ca-compromise")
    booked: list[dict[str, str]] = []

    def append(body: bytes, media_type: str, about: tasks.About) -> int:
        booked.append(msgspec.json.decode(body))
        return len(booked)

    tasks.publish(conn, append)
    told = [body for body in booked if body["type"] == "authority-withdrawal"]
    assert [(one["authority"], one["reason"]) for one in told][-1] == (name, "ca-compromise")
    assert rows(conn, "SELECT count(*) FROM pki.withdrawal WHERE ledger_index IS NULL") == [(0,)]
    for statement in ("DELETE FROM pki.withdrawal", "UPDATE pki.withdrawal SET since = since - interval '1 day'"):
        with pytest.raises(psycopg.Error), conn.transaction():
            conn.execute(statement.encode())


@attrs.frozen
class Interrupting:
    """A key that signs, and meanwhile its authority is withdrawn."""

    real: Signer
    meanwhile: object

    @property
    def public(self) -> PublicKey:
        return self.real.public

    def sign(self, tbs: bytes) -> bytes:
        assert callable(self.meanwhile)
        self.meanwhile()
        return self.real.sign(tbs)


def test_a_certificate_that_was_being_signed_when_its_authority_was_withdrawn_is_void(bench: PkiBench) -> None:
    key = PublicKey(p256().public_key())
    name = follow_in(bench, "taxpayer-ca")
    wish = Wish(holder="service:flying", request=b"flying", requested_by="process:pki", purpose="test")
    real = bench.services.authority(name)
    authority = attrs.evolve(real, signer=Interrupting(real.signer, lambda: withdraw(bench, name)))
    with refused("TS-3024"):
        operations.issue(bench.conn, name, authority, responder_order(name, key), wish, SOON)
    states = rows(bench.conn, "SELECT state FROM pki.issuance WHERE holder = 'service:flying'")
    assert states == [(IssuanceState.VOID,)]
    assert list(reconcile(bench.conn, SOON)) == []


def test_k_05_the_door_refuses_forged_cards_of_a_withdrawn_authority_and_ends_their_tokens(bench: PkiBench) -> None:
    """Who has the key certifies himself the applet of any card: no register knows that one, but its issuer is known."""
    conn, pki = bench.conn, bench.pki
    subject = bench.home.subject(bench.uid)
    signing = pki.issue_secure_element(subject, rsa_key(20).public.spki, at=NOW)
    registry.register_taxpayer(conn, Taxpayer(Tin(TIN), "Shop"))
    enter_card(conn, pki, "secure-element", signing, bench.uid, TIN, "process:factory", NOW)
    registry.register_secure_element(conn, signing, environment=(1, 9), encryption_key="package", limit=Money.of("9"))
    forged = pki.issue_pki_client(subject, rsa_key(21).public.spki, at=NOW)
    view = Directory(lambda: SOON)
    door = Gatekeeper(view, pki.trust_store(), (1, 9), lambda: SOON)
    view.refresh(conn)
    before = door.identify(forged)
    held = tokens.issue(conn, bytes(32), before, NOW)
    row = sdc_store.token_of_certificate(conn, before.thumbprint)
    assert row is not None
    door.holder(row, None)
    name = follow_in(bench, "secure-element-ca")
    withdraw(bench, "secure-element-ca")
    view.refresh(conn)
    with refused("TS-1104"):
        door.identify(forged)
    with refused("TS-1105"):
        door.holder(row, None)

    other = bench.home.subject(bench.other)
    signing = pki.issue_secure_element(other, rsa_key(22).public.spki, at=NOW)
    enter_card(conn, pki, "secure-element", signing, bench.other, TIN, "process:factory", NOW)
    registry.register_secure_element(conn, signing, environment=(1, 9), encryption_key="package", limit=Money.of("9"))
    client = pki.issue_pki_client(other, rsa_key(23).public.spki, at=NOW)
    enter_card(conn, pki, "pki-client", client, bench.other, TIN, "process:factory", NOW)
    view.refresh(conn)
    assert issuance_of(bench, client).authority == name
    good = door.identify(client)
    older = tokens.issue(conn, bytes(32), attrs.evolve(good, tokens_ended_at=before.tokens_ended_at), NOW)
    newer = tokens.issue(conn, bytes(32), good, SOON + timedelta(seconds=1))
    assert len({held.token, older.token, newer.token}) == 3, "a token of before the withdrawal is not given again"
    kept = sdc_store.token_of_certificate(conn, good.thumbprint)
    assert kept is not None
    door.holder(kept, client)


def test_what_the_root_revokes_is_withdrawn_here_once(bench: PkiBench) -> None:
    conn, port = bench.conn, bench.services.registry
    name = follow_in(bench, "service-ca")
    work = RootWork(bench.pki.branches, bench.pki.authority("root"))
    _, der = work.sign_list([name], Reason.CA_COMPROMISE, NOW)
    lists.take(conn, "root", der, "officer:anna", NOW)
    conn.commit()
    with refused("TS-3024"):
        wish = Wish(holder="service:z", request=b"z", requested_by="process:pki", purpose="test")
        key = PublicKey(p256().public_key())
        operations.issue(conn, name, bench.services.authority(name), responder_order(name, key), wish, SOON)
    assert withdrawing.follow_root_list(conn, port, "process:pki", SOON) == [name]
    assert withdrawing.follow_root_list(conn, port, "process:pki", SOON) == []
    revoked = port.revocation(conn, sha256(bench.pki.authority_certificate(name)))
    assert revoked is not None
    assert succession.issuing(conn, "service-ca", SOON) == "service-ca"


def test_what_a_withdrawn_service_authority_certified_for_us_is_made_anew(bench: PkiBench, tmp_path: Path) -> None:
    """The servers' certificate and the encryption certificate, in the round in which the process hears of it."""
    conn, pki = bench.conn, bench.pki
    name = follow_in(bench, "service-ca")
    withdraw(bench, "service-ca")
    context = Context(name="pki", settings=Settings(state=str(tmp_path)), state=StateFolder.of(str(tmp_path)))
    view = Directory(lambda: SOON)

    def away() -> SigningUnit:
        raise Fault("TS-5004", detail="no key process in this test")

    context.__dict__.update(pki=pki, signing_unit=away)
    stamps = TimestampService(policy="1.2.3", clock=lambda: SOON, is_synchronised=lambda: True, view=view)
    ocsp = OcspService(view, lambda *_: None, lambda: SOON)
    pki.files.withdrawal("service-ca").unlink()
    keeper = Keeper(context, bench.services, view, ocsp, stamps)
    before = pki.encryption_certificate
    keeper.round(conn, SOON)
    assert pki.files.withdrawal("service-ca").exists(), "the folder is told"
    tls = der_of(pki.files.certificate("tls").read_bytes())
    for certificate in (tls, pki.encryption_certificate):
        assert pki.branches.issuer_of("service-ca", certificate) == name
        assert operations.is_issued(conn, sha256(certificate))
    assert read_facts(before).public_key == read_facts(pki.encryption_certificate).public_key
