"""The room `pki`, issuing: one row, one serial number and one holder for each certificate, whatever dies in between."""

from __future__ import annotations

from datetime import timedelta

import attrs
import psycopg
import pytest
from cards import NOW
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from pki_acts import LATE, SOON, Away, enrol, issuance_of, with_key_away
from pki_bench import OFFICER, PkiBench, csr, named, p256, refused, rows

from tallystick.authority.reference.pki import enrolment, lists, operations
from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.pki.values import IssuanceState, Wish
from tallystick.authority.reference.registry import operations as registry
from tallystick.crypto.certificate_facts import read_device
from tallystick.crypto.issuing import Authority
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.national_orders import seal_order
from tallystick.crypto.profiles import taxpayer_seal
from tallystick.crypto.revocation_lists import read_list


def test_s0_038_a_device_gets_what_the_registry_says_of_it(bench: PkiBench) -> None:
    """Subject, taxpayer, premises and class come from the registry; of the request only the key is taken."""
    device = bench.register(bench.uid)
    key = p256()
    request = csr(key, (NameOID.COMMON_NAME, "the tax office itself"), (NameOID.ORGANIZATION_NAME, "Other Ltd"))
    certificate = enrol(bench, bench.code(bench.uid), request)
    read = read_device(certificate, NationalArc())
    assert (read.uid, read.tin, read.premises, read.device_class) == (bench.uid, device.tin, str(device.premises_id), 1)
    assert "Other" not in read.facts.subject
    assert "Corner Shop Ltd" in read.facts.subject
    assert read.facts.lifetime <= timedelta(days=397)
    kept = issuance_of(bench, certificate)
    assert (kept.state, kept.holder, kept.authority) == (IssuanceState.ISSUED, f"device:{bench.uid}", "device-ca")
    assert kept.tbs_hash == read.facts.tbs_hash


def test_the_same_request_again_gets_the_same_certificate(bench: PkiBench) -> None:
    bench.register(bench.uid)
    code, request = bench.code(bench.uid), csr(p256())
    first = enrol(bench, code, request)
    assert enrol(bench, code, request) == first
    assert rows(bench.conn, f"SELECT count(*) FROM pki.issuance WHERE holder = 'device:{bench.uid}'") == [(1,)]


def test_ts_3001_a_code_works_once_for_its_device_and_for_72_hours(bench: PkiBench) -> None:
    bench.register(bench.uid)
    bench.register(bench.other)
    code = bench.code(bench.uid)
    with refused("TS-3001"):
        enrol(bench, code, csr(p256()), bench.other)
    with refused("TS-3001"):
        enrol(bench, "A" * 26, csr(p256()))
    late = NOW + enrolment.CODE_LIFETIME
    with refused("TS-3001"):
        enrolment.enrol(bench.conn, bench.services, bench.uid, code, csr(p256()), late)
    spelled = f" {code[:5].lower()}-{code[5:]} "
    enrol(bench, spelled, csr(p256()))
    with refused("TS-3001"):
        enrol(bench, code, csr(p256()))
    replaced, newest = bench.code(bench.uid), bench.code(bench.uid)
    with refused("TS-3001"):
        enrol(bench, replaced, csr(p256()))
    enrol(bench, newest, csr(p256()))


def test_a_code_has_128_bits_and_is_not_kept(bench: PkiBench) -> None:
    bench.register(bench.uid)
    codes = {bench.code(bench.uid) for _ in range(20)}
    assert {len(code) for code in codes} == {26}
    assert len(codes) == 20
    stored = rows(bench.conn, "SELECT code_hash::text, device, issued_by FROM pki.enrolment_code")
    assert not any(code.lower() in str(row).lower() for code in codes for row in stored)


def test_ts_3005_a_code_is_bound_to_the_class_of_the_device(bench: PkiBench) -> None:
    bench.register(bench.uid)
    code = bench.code(bench.uid)
    bench.conn.execute("UPDATE registry.fiscal_device SET device_class = 2 WHERE uid = %s", [bench.uid])
    bench.conn.commit()
    with refused("TS-3005"):
        enrol(bench, code, csr(p256()))


def test_only_the_hardware_branch_certifies_hardware(bench: PkiBench) -> None:
    bench.register(bench.uid, device_class=2)
    certificate = enrol(bench, bench.code(bench.uid), csr(p256()))
    assert issuance_of(bench, certificate).authority == "hardware-device-ca"


def test_a_refusal_does_not_use_the_code_up(bench: PkiBench) -> None:
    bench.register(bench.uid)
    code = bench.code(bench.uid)
    with refused("TS-1313"):
        enrol(bench, code, csr(p256(), named(bench.other)))
    enrol(bench, code, csr(p256(), named(bench.uid)))


def test_ts_3002_a_request_must_be_signed_by_its_own_key(bench: PkiBench) -> None:
    bench.register(bench.uid)
    code, good = bench.code(bench.uid), csr(p256())
    for wrong in (b"", b"no", good[:-1], good[:-1] + bytes((good[-1] ^ 1,))):
        with refused("TS-3002"):
            enrol(bench, code, wrong)


def test_ts_3003_weak_keys_and_keys_of_another_kind_are_refused(bench: PkiBench) -> None:
    bench.register(bench.uid)
    code = bench.code(bench.uid)
    off_curve = bytearray(csr(p256()))
    point = bytes(off_curve).index(b"\x03\x42\x00\x04") + 4
    off_curve[point + 40] ^= 1
    weak = (
        csr(rsa.generate_private_key(65_537, 1024)),
        csr(rsa.generate_private_key(65_537, 2048)),
        csr(ec.generate_private_key(ec.SECP384R1())),
        csr(ec.generate_private_key(ec.SECP256K1())),
        csr(ed25519.Ed25519PrivateKey.generate()),
        bytes(off_curve),
    )
    for request in weak:
        with refused("TS-3003"):
            enrol(bench, code, request)
    key = p256()
    operations.block_key(bench.conn, PublicKey(key.public_key()).fingerprint, "it leaked", OFFICER, NOW)
    bench.conn.commit()
    with refused("TS-3003"):
        enrol(bench, code, csr(key))


def test_ts_3004_a_key_of_somebody_else_is_refused(bench: PkiBench) -> None:
    """Also the key of a card, of a server or of an authority."""
    key = p256()
    bench.enrol(bench.other, key)
    bench.register(bench.uid)
    code = bench.code(bench.uid)
    with refused("TS-3004"):
        enrol(bench, code, csr(key))
    from tallystick.crypto.keys import load_private_key

    server = load_private_key(bench.pki.files.private_key("tls")).handle
    assert isinstance(server, ec.EllipticCurvePrivateKey)
    with refused("TS-3004"):
        enrol(bench, code, csr(server))


def test_a_device_that_is_unknown_closed_or_on_hold_gets_nothing(bench: PkiBench) -> None:
    with refused("TS-2401"):
        enrolment.issue_code(bench.conn, bench.services, bench.other, OFFICER, NOW)
    bench.register(bench.uid)
    code = bench.code(bench.uid)
    for change, answer in ((registry.hold_device, "TS-2407"), (registry.close_device, "TS-2401")):
        change(bench.conn, bench.uid, NOW, "it contradicted itself", OFFICER)
        bench.conn.commit()
        with refused(answer):
            enrol(bench, code, csr(p256()))


def test_the_key_away_leaves_a_void_number_and_the_same_request_works_later(bench: PkiBench) -> None:
    bench.register(bench.uid)
    code, request = bench.code(bench.uid), csr(p256())
    with refused("TS-5004"):
        enrolment.enrol(bench.conn, with_key_away(bench), bench.uid, code, request, SOON)
    states = f"SELECT state FROM pki.issuance WHERE holder = 'device:{bench.uid}' ORDER BY issuance_id"
    assert rows(bench.conn, states) == [("void",)]
    enrol(bench, code, request)
    assert rows(bench.conn, states) == [("void",), ("issued",)]
    assert list(reconcile(bench.conn, SOON + timedelta(hours=1))) == []


def test_a_crash_between_signature_and_row_voids_the_number_and_lists_it(
    bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the key has signed: nothing rolls back what was committed before."""

    class Dies(BaseException):
        """No exception that anybody catches."""

    bench.register(bench.uid)
    code = bench.code(bench.uid)
    with monkeypatch.context() as patch:
        patch.setattr("tallystick.authority.reference.pki.store.finish", lambda *_: (_ for _ in ()).throw(Dies))
        with pytest.raises(Dies):
            enrol(bench, code, csr(p256()))
    assert operations.recover(bench.conn, SOON) == 0, "it could still be at work"
    assert operations.recover(bench.conn, SOON + operations.LOST_AFTER + timedelta(seconds=1)) == 1
    bench.conn.commit()
    (serial,) = rows(
        bench.conn, f"SELECT serial FROM pki.issuance WHERE state = 'void' AND holder = 'device:{bench.uid}'"
    )[0]
    assert isinstance(serial, bytes)
    made = lists.make(bench.conn, bench.services.registry, "device-ca", bench.services.authority("device-ca"), LATE)
    read = read_list(made.der, bench.pki.authority_certificate("device-ca"), LATE)
    assert int.from_bytes(serial, "big") in read.revoked


def test_ts_3007_a_number_that_became_void_is_not_issued(bench: PkiBench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.register(bench.uid)
    original = Authority.sign

    def slow(authority: Authority, prepared: object) -> bytes:
        operations.recover(bench.conn, SOON + timedelta(hours=1))
        bench.conn.commit()
        return original(authority, prepared)  # type: ignore[arg-type]

    monkeypatch.setattr(Authority, "sign", slow)
    with refused("TS-3007"):
        enrol(bench, bench.code(bench.uid), csr(p256()))


def test_the_intent_is_committed_before_the_key_signs(bench: PkiBench) -> None:
    """Looked at from another connection while the key works: intent, use of the key and act are there."""
    bench.register(bench.uid)
    seen: list[tuple[object, ...]] = []
    holder = f"device:{bench.uid}"

    class Looking(Away):
        def sign(self, tbs: bytes) -> bytes:
            with psycopg.connect(bench.conn.info.dsn) as other:
                seen.extend(rows(other, f"SELECT state FROM pki.issuance WHERE holder = '{holder}'"))
                seen.extend(rows(other, f"SELECT purpose FROM pki.key_use WHERE used_by = '{holder}'"))
                seen.extend(rows(other, "SELECT verb FROM activity.entry ORDER BY seq DESC LIMIT 1"))
            return super().sign(tbs)

    def authority(name: str) -> Authority:
        real = bench.services.authority(name)
        return attrs.evolve(real, signer=Looking(real.signer.public))

    services = attrs.evolve(bench.services, authority=authority)
    with refused("TS-5004"):
        enrolment.enrol(bench.conn, services, bench.uid, bench.code(bench.uid), csr(p256()), SOON)
    assert seen == [("intent",), ("certificate",), ("pki.sign",)]


def test_what_was_certified_cannot_be_changed_or_removed(bench: PkiBench) -> None:
    bench.enrol(bench.uid)
    for statement in (
        "UPDATE pki.issuance SET holder = 'device:ZZ99ZZ99'",
        "UPDATE pki.issuance SET state = 'void', certificate = NULL, certificate_hash = NULL",
        "DELETE FROM pki.issuance",
        "DELETE FROM pki.certified_key",
        "DELETE FROM pki.key_use",
        "UPDATE pki.key_use SET used_by = 'nobody'",
        "UPDATE pki.authority SET certificate = 'x'",
        "DELETE FROM pki.authority",
    ):
        with pytest.raises(psycopg.Error), bench.conn.transaction():
            bench.conn.execute(statement)


def test_ts_3024_an_authority_in_its_last_years_only_revokes(bench: PkiBench) -> None:
    """And certifies its responder (`test_pki_branches`), which must answer to the end."""
    wish = Wish(holder="service:x", request=b"x", requested_by="process:pki", purpose="test")
    authority, arc = bench.services.authority("taxpayer-ca"), bench.services.arc
    key = PublicKey(p256().public_key())
    order = seal_order("123456789", "Shop", "AQ", key, arc, taxpayer_seal(arc))
    with refused("TS-3024"):
        operations.issue(bench.conn, "taxpayer-ca", authority, order, wish, NOW + timedelta(days=5 * 365))
    operations.issue(bench.conn, "taxpayer-ca", authority, order, wish, NOW + timedelta(days=5 * 365 - 1))


def test_ts_3004_another_hierarchy_under_the_same_names_is_not_taken_in(bench: PkiBench) -> None:
    with refused("TS-3004"):
        operations.enter_authority(bench.conn, "device-ca", bench.pki.authority_certificate("staff-ca"), NOW)
    certificate = x509.load_der_x509_certificate(bench.pki.authority_certificate("device-ca"))
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
