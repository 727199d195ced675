"""What follows from a withdrawn authority: in flight, at the door, by the root's word, for our own servers (K-05)."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import psycopg
import pytest
from branches import ANNA, BERTA, follow_in, withdraw
from cards import NOW, TIN, rsa_key
from pki_acts import LATE, SOON, issuance_of
from pki_bench import PkiBench, csr, p256, refused, rows

from tallystick.authority.channels.sdc import store as sdc_store
from tallystick.authority.channels.sdc import tokens
from tallystick.authority.channels.sdc.identity import Gatekeeper
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.reference.pki import (
    branch_store,
    enrolment,
    lists,
    operations,
    queries,
    succession,
    withdrawing,
)
from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.pki.responder import OcspService
from tallystick.authority.reference.pki.timestamping import TimestampService
from tallystick.authority.reference.pki.values import IssuanceState, Reason, Wish
from tallystick.authority.reference.pki_registry import RegistryOfDevices
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.registry.values import SecureElementState, Taxpayer
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_orders import responder_order
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.root_work import RootWork
from tallystick.crypto.signers import Signer
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Tin
from tallystick.ops.pki_registry import enter_card
from tallystick.ops.processes.context import Context
from tallystick.ops.processes.pki import Keeper
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


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


def test_a_certificate_that_was_being_signed_when_its_authority_was_withdrawn_is_void(land: PkiBench) -> None:
    key = PublicKey(p256().public_key())
    name = follow_in(land, "taxpayer-ca")
    wish = Wish(holder="service:flying", request=b"flying", requested_by="process:pki", purpose="test")
    real = land.services.authority(name)
    authority = attrs.evolve(real, signer=Interrupting(real.signer, lambda: withdraw(land, name)))
    with refused("TS-3024"):
        operations.issue(land.conn, name, authority, responder_order(name, key), wish, SOON)
    states = rows(land.conn, "SELECT state FROM pki.issuance WHERE holder = 'service:flying'")
    assert states == [(IssuanceState.VOID,)]
    assert list(reconcile(land.conn, SOON)) == []


def test_k_05_the_door_refuses_forged_cards_of_a_withdrawn_authority_and_ends_their_tokens(land: PkiBench) -> None:
    """Who has the key certifies himself the applet of any card: no register knows that one, but its issuer is known."""
    conn, pki = land.conn, land.pki
    subject = land.home.subject(land.uid)
    signing = pki.issue_secure_element(subject, rsa_key(20).public.spki, at=NOW)
    registry.register_taxpayer(conn, Taxpayer(Tin(TIN), "Shop"))
    enter_card(conn, pki, "secure-element", signing, land.uid, TIN, "process:factory", NOW)
    registry.register_secure_element(conn, signing, environment=(1, 9), encryption_key="package", limit=Money.of("9"))
    forged = pki.issue_pki_client(subject, rsa_key(21).public.spki, at=NOW)
    forged_for_another = pki.issue_pki_client(land.home.subject(land.other), rsa_key(24).public.spki, at=NOW)
    view = Directory(lambda: SOON)
    door = Gatekeeper(view, pki.trust_store(), (1, 9), lambda: SOON)
    view.refresh(conn)
    before = door.identify(forged)
    held = tokens.issue(conn, bytes(32), before, NOW)
    row = sdc_store.token_of_certificate(conn, before.thumbprint)
    assert row is not None
    door.holder(row, None)
    name = follow_in(land, "secure-element-ca")
    withdraw(land, "secure-element-ca")
    view.refresh(conn)
    with refused("TS-1104"):
        door.identify(forged)
    element = view.secure_element(land.uid)
    assert element is not None
    assert element.state is SecureElementState.REVOKED
    assert element.may_not_have_signed(NOW, SOON), "what arrives now is not believed about its own age"
    assert not element.may_not_have_signed(NOW, NOW), "what was here before is"
    with refused("TS-1105"):
        door.holder(row, None)

    other = land.home.subject(land.other)
    signing = pki.issue_secure_element(other, rsa_key(22).public.spki, at=NOW)
    enter_card(conn, pki, "secure-element", signing, land.other, TIN, "process:factory", NOW)
    registry.register_secure_element(conn, signing, environment=(1, 9), encryption_key="package", limit=Money.of("9"))
    client = pki.issue_pki_client(other, rsa_key(23).public.spki, at=NOW)
    enter_card(conn, pki, "pki-client", client, land.other, TIN, "process:factory", NOW)
    view.refresh(conn)
    assert issuance_of(land, client).authority == name
    good = door.identify(client)
    with refused("TS-1104"):  # the card is good and its register knows no revocation: its issuer does
        door.identify(forged_for_another)
    older = tokens.issue(conn, bytes(32), attrs.evolve(good, tokens_ended_at=before.tokens_ended_at), NOW)
    newer = tokens.issue(conn, bytes(32), good, SOON + timedelta(seconds=1))
    assert len({held.token, older.token, newer.token}) == 3, "a token of before the withdrawal is not given again"
    kept = sdc_store.token_of_certificate(conn, good.thumbprint)
    assert kept is not None
    door.holder(kept, client)


def test_what_the_root_revokes_is_withdrawn_here_once(land: PkiBench) -> None:
    conn, port = land.conn, land.services.registry
    name = follow_in(land, "service-ca")
    work = RootWork(land.pki.branches, land.pki.authority("root"))
    _, der = work.sign_list([name], Reason.CA_COMPROMISE, NOW)
    lists.take(conn, "root", der, "officer:anna", NOW)
    conn.commit()
    with refused("TS-3024"):
        wish = Wish(holder="service:z", request=b"z", requested_by="process:pki", purpose="test")
        key = PublicKey(p256().public_key())
        operations.issue(conn, name, land.services.authority(name), responder_order(name, key), wish, SOON)
    assert withdrawing.follow_root_list(conn, port, "process:pki", SOON) == [name]
    assert withdrawing.follow_root_list(conn, port, "process:pki", SOON) == []
    revoked = port.revocation(conn, sha256(land.pki.authority_certificate(name)))
    assert revoked is not None
    assert succession.issuing(conn, "service-ca", SOON) == "service-ca"


def test_what_a_withdrawn_service_authority_certified_for_us_is_made_anew(land: PkiBench, tmp_path: Path) -> None:
    """The servers' certificate and the encryption certificate, in the round in which the process hears of it."""
    conn, pki = land.conn, land.pki
    name = follow_in(land, "service-ca")
    withdraw(land, "service-ca")
    context = Context(name="pki", settings=Settings(state=str(tmp_path)), state=StateFolder.of(str(tmp_path)))
    view = Directory(lambda: SOON)

    def away() -> SigningUnit:
        raise Fault("TS-5004", detail="no key process in this test")

    context.__dict__.update(pki=pki, signing_unit=away)
    stamps = TimestampService(policy="1.2.3", clock=lambda: SOON, is_synchronised=lambda: True, view=view)
    ocsp = OcspService(view, lambda *_: None, lambda: SOON)
    pki.files.withdrawal("service-ca").unlink()
    keeper = Keeper(context, land.services, view, ocsp, stamps)
    before = pki.encryption_certificate
    keeper.round(conn, SOON)
    assert pki.files.withdrawal("service-ca").exists(), "the folder is told"
    tls = der_of(pki.files.certificate("tls").read_bytes())
    for certificate in (tls, pki.encryption_certificate):
        assert pki.branches.issuer_of("service-ca", certificate) == name
        assert operations.is_issued(conn, sha256(certificate))
    assert read_facts(before).public_key == read_facts(pki.encryption_certificate).public_key


def test_no_certificate_is_noted_while_its_authority_is_being_withdrawn(land: PkiBench) -> None:
    """Whoever comes in between waits for the word, and then hears it."""
    conn, name = land.conn, follow_in(land, "staff-ca")
    certificate = land.services.authority(name).issue(responder_order(name, PublicKey(p256().public_key())), NOW)
    wish = Wish(holder="service:late", request=b"late", requested_by="process:pki", purpose="test")
    branch_store.stop_issuing(conn, name)
    branch_store.add_withdrawal(conn, name, SOON, Reason.CA_COMPROMISE, "its key was stolen", "officer:berta")
    with psycopg.connect(conn.info.dsn) as other:
        other.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            operations.enter_issued(other, name, "ocsp-responder", certificate, wish, SOON)
        other.rollback()
        conn.commit()
        with refused("TS-3024"):
            operations.enter_issued(other, name, "ocsp-responder", certificate, wish, SOON)


def test_ts_3024_a_station_signs_nothing_with_the_key_of_a_withdrawn_authority(land: PkiBench, tmp_path: Path) -> None:
    """It asks no register: the folder says so."""
    shutil.copytree(land.pki.files.folder, tmp_path / "pki")
    pki = DemoPki.load(tmp_path / "pki", environment=(1, 9))
    subject, spki = land.home.subject(land.uid), rsa_key(25).public.spki
    pki.issue_pki_client(subject, spki, at=NOW)
    for name in pki.branches.names("secure-element-ca"):
        pki.files.withdrawal(name).write_text("since")
    with refused("TS-3024"):
        pki.issue_pki_client(subject, spki, at=NOW)


class DyingRegistry(RegistryOfDevices):
    """The registry of a process that dies before the first certificate of a device is revoked."""

    def revoke(self, conn: Connection, certificate_hash: bytes, holder: str, at: datetime, reason: int) -> None:
        if holder.startswith("device:"):
            raise ConnectionError
        super().revoke(conn, certificate_hash, holder, at, reason)


def test_an_authority_is_ended_before_its_certificates_are_and_a_crash_between_loses_nothing(land: PkiBench) -> None:
    conn, port = land.conn, land.services.registry
    name = follow_in(land, "device-ca")
    held = land.enrol(land.uid)
    number, _ = withdrawing.ask(conn, port, name, Reason.CA_COMPROMISE, "its key was stolen", ANNA, SOON)
    approvals.approve(conn, number, BERTA, SOON)
    conn.commit()
    with pytest.raises(ConnectionError):
        withdrawing.withdraw_asked(conn, DyingRegistry(), SOON)
    conn.rollback()
    assert name in queries.withdrawals(conn)
    assert port.revocation(conn, sha256(held)) is None
    with refused("TS-1104"):
        enrolment.renew(conn, land.services, held, land.pki.device_trust_store(), csr(p256()), LATE)
    conn.rollback()
    later = SOON + timedelta(minutes=1)
    assert withdrawing.withdraw_asked(conn, port, later) == name
    revoked = port.revocation(conn, sha256(held))
    assert revoked is not None
    assert revoked.revoked_at == later
    assert queries.withdrawals(conn)[name].since == SOON, "the first moment stands"
    conn.commit()
