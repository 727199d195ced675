"""What the process of the PKI keeps fresh, and that one authority's key away stops nobody else."""

from __future__ import annotations

import shutil
from datetime import timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest
from cards import NOW
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from pki_bench import PkiBench, rows

from tallystick.authority.keys.messages import Result
from tallystick.authority.keys.signing_desk import SigningDesk
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.unit_signer import UnitSigner
from tallystick.authority.keys.use_journal import UseJournal
from tallystick.authority.reference.pki import queries
from tallystick.authority.reference.pki.responder import NotInMemory, OcspService
from tallystick.authority.reference.pki.timestamping import TimestampService
from tallystick.authority.reference.registry.directory import Directory
from tallystick.crypto import sealed_keys
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import load_private_key
from tallystick.crypto.ocsp import question_for
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.policy import Use
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.kernel.faults import Fault
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.pki_responders import responders
from tallystick.ops.pki_service_keys import ServiceKeys
from tallystick.ops.processes.context import Context
from tallystick.ops.processes.pki import Keeper
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


@pytest.fixture
def folder(bench: PkiBench, tmp_path: Path) -> DemoPki:
    """The shared hierarchy in a folder of this test's own."""
    state = StateFolder.of(str(tmp_path))
    state.make()
    shutil.copytree(bench.pki.files.folder, state.keys, dirs_exist_ok=True)
    return DemoPki.load(state.keys, environment=(1, 9))


def nobody() -> SigningUnit:
    """No key process runs here."""
    raise Fault("TS-5004")


class Desk(SigningUnit):
    """The door to a key process that runs here, without the socket between."""

    def __init__(self, desk: SigningDesk) -> None:
        super().__init__()
        self.desk = desk

    def _ask(self, request: bytes, *, repeatable: bool) -> bytes:
        answer = self.desk.answer(request)
        if answer[0] != Result.DONE:
            raise Fault("TS-1310" if answer[0] == Result.REFUSED else "TS-5004")
        return answer[1:]


def test_responders_are_kept_and_made_anew_in_the_last_third(bench: PkiBench, folder: DemoPki) -> None:
    keys = ServiceKeys(folder, pki_services(folder), nobody)
    first = responders(bench.conn, keys, NOW)
    assert set(first) == {plan.name for plan in folder.hierarchy}
    again = responders(bench.conn, keys, NOW + timedelta(days=19))
    assert {n: one.certificate for n, one in again.items()} == {n: one.certificate for n, one in first.items()}
    later = responders(bench.conn, keys, NOW + timedelta(days=21))
    for name, one in later.items():
        assert one.certificate != first[name].certificate
        assert one.signer.public != first[name].signer.public


def test_an_authority_whose_key_is_away_keeps_its_responder_to_its_end(bench: PkiBench, folder: DemoPki) -> None:
    keys = ServiceKeys(folder, pki_services(folder), nobody)
    first = responders(bench.conn, keys, NOW)
    folder.files.private_key("device-ca").unlink()
    later = responders(bench.conn, keys, NOW + timedelta(days=21))
    assert later["device-ca"].certificate == first["device-ca"].certificate
    assert later["staff-ca"].certificate != first["staff-ca"].certificate
    assert "device-ca" not in responders(bench.conn, keys, NOW + timedelta(days=31))


def test_s0_039_a_responder_whose_authority_is_in_the_store_has_its_key_there(
    bench: PkiBench, folder: DemoPki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made and used by the key processes, of its own purpose, and without a file; the other ones stay a newcomer's."""
    monkeypatch.setattr(sealed_keys, "_MEMORY_KIB", 64)
    store = SealedKeys(tmp_path / "store", b"correct horse")
    store.adopt("device-ca", load_private_key(folder.files.private_key("device-ca")), KeyPurpose.AUTHORITY)
    folder.files.private_key("device-ca").unlink()
    desk = SigningDesk(lambda: store, UseJournal(tmp_path / "uses", "keys", lambda: NOW))
    unit = Desk(desk)
    pki = attrs.evolve(folder, elsewhere=lambda name: UnitSigner.of(unit, name))
    keys = ServiceKeys(pki, pki_services(pki), lambda: unit)
    first = responders(bench.conn, keys, NOW)
    signer = first["device-ca"].signer
    assert isinstance(signer, UnitSigner)
    assert store.purpose(signer.label) is KeyPurpose.OCSP
    assert not folder.files.private_key("ocsp-device-ca").exists()
    assert folder.files.private_key("ocsp-staff-ca").exists()
    assert responders(bench.conn, keys, NOW + timedelta(days=1))["device-ca"].certificate == (
        first["device-ca"].certificate
    )
    view = Directory(lambda: NOW)
    view.refresh(bench.conn)
    serial = read_facts(bench.enrol(bench.uid)).serial
    service = OcspService(view, partial(queries.certificate_by_serial, bench.conn), lambda: NOW)
    service.use(first, {"device-ca": pki.authority_certificate("device-ca")})
    question = question_for(pki.authority_certificate("device-ca"), serial, b"nonce")
    answer = ocsp.load_der_ocsp_response(service.answer(question))
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    with pytest.raises(NotInMemory):  # the certificate is known by now: the key alone is not here
        service.answer(question, may_block=False)
    key = x509.load_der_x509_certificate(first["device-ca"].certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(Fault, match="TS-1310"):
        unit.make_key("mine", KeyPurpose.AUTHORITY)
    with pytest.raises(Fault, match="TS-1310"):
        unit.sign(signer.label, Use.SIGN_CERTIFICATE_P256, b"x")
    journal = "".join(file.read_text() for file in (tmp_path / "uses").iterdir())
    assert Use.SIGN_OCSP_ANSWER.name not in journal, "answers are not written one by one"
    assert Use.SIGN_CERTIFICATE_P384.name in journal


def test_a_key_away_leaves_the_lists_of_the_others_fresh(bench: PkiBench, folder: DemoPki, tmp_path: Path) -> None:
    """One round of the process: every list but one is made, and the server's certificate is renewed."""
    folder.files.private_key("hardware-device-ca").unlink()
    folder.issue_tls(("localhost",), NOW)
    context = Context(name="pki", settings=Settings(state=str(tmp_path)), state=StateFolder.of(str(tmp_path)))
    context.__dict__["pki"] = folder
    view = Directory(lambda: NOW)
    context.__dict__["signing_unit"] = nobody
    ocsp = OcspService(view, lambda *_: None, lambda: NOW)
    stamps = TimestampService(policy="1.2.3", clock=lambda: NOW, is_synchronised=lambda: True, view=view)
    keeper = Keeper(context, pki_services(folder), view, ocsp, stamps)
    at = NOW + timedelta(days=61)
    before = folder.files.certificate("tls").read_bytes()
    keeper.round(bench.conn, at)
    made = rows(bench.conn, f"SELECT authority FROM pki.revocation_list WHERE this_update = '{at.isoformat()}'")
    wanted = {plan.name for plan in folder.hierarchy} - {"hardware-device-ca"}
    assert {name for (name,) in made} == wanted
    assert folder.files.certificate("tls").read_bytes() != before
