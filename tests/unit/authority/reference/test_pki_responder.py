"""The OCSP service: an answer in every case, none of them good where it is not known to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import pytest
from cards import NOW, country
from cryptography.x509 import ocsp

from tallystick.authority.reference.pki.responder import NotInMemory, OcspService
from tallystick.authority.reference.pki.values import Issuance, IssuanceState, Reason
from tallystick.authority.reference.registry.values import Revocation
from tallystick.crypto.keys import PublicKey, generate_p256_key
from tallystick.crypto.national_orders import responder_order
from tallystick.crypto.ocsp import Responder, question_for
from tallystick.crypto.signers import KeySigner, Signer
from tallystick.kernel.faults import Fault

NAME, SERIAL = "device-ca", 2**100 + 7
ISSUED = Issuance(
    issuance_id=1,
    authority=NAME,
    profile="device",
    serial=SERIAL,
    holder="device:AB12CD34",
    tin="",
    requested_by="device:AB12CD34",
    purpose="",
    tbs_hash=bytes(32),
    key_hash=bytes(32),
    not_before=NOW,
    not_after=NOW + timedelta(days=397),
    state=IssuanceState.ISSUED,
    begun_at=NOW,
    certificate=b"x",
    certificate_hash=b"h" * 32,
    ledger_index=None,
)
Status = ocsp.OCSPCertStatus
Answer = ocsp.OCSPResponseStatus


@attrs.define
class View:
    """The registry's revocations in memory."""

    refreshed_at: datetime | None = NOW
    revocations_seen: int = 0
    revoked: dict[bytes, Revocation] = attrs.field(factory=dict)

    def revocation(self, certificate_hash: bytes) -> Revocation | None:
        return self.revoked.get(certificate_hash)


class Away:
    """A key that cannot be reached."""

    def __init__(self, public: PublicKey) -> None:
        self.public = public

    def sign(self, tbs: bytes) -> bytes:
        raise Fault("TS-5004", detail="the token is away")


@attrs.define
class Scene:
    """A service, its view, its register and its clock, all to be changed by a test."""

    view: View = attrs.field(factory=View)
    register: dict[int, Issuance] = attrs.field(factory=lambda: {SERIAL: ISSUED})
    now: datetime = NOW
    signer: Callable[[Signer], Signer] = lambda signer: signer
    service: OcspService = attrs.field(init=False)

    def start(self) -> Scene:
        authority, key = country().pki.authority(NAME), generate_p256_key()
        certificate = authority.issue(responder_order(NAME, key.public), NOW)
        self.service = OcspService(self.view, lambda _, serial: self.register.get(serial), lambda: self.now)
        self.service.use({NAME: Responder(certificate, self.signer(KeySigner(key)))}, {NAME: authority.der})
        return self

    def ask(self, serial: int = SERIAL, nonce: bytes = b"") -> ocsp.OCSPResponse:
        asked = question_for(country().pki.authority_certificate(NAME), serial, nonce)
        return ocsp.load_der_ocsp_response(self.service.answer(asked))


def test_good_is_said_of_what_is_issued_and_not_revoked_and_of_nothing_else() -> None:
    scene = Scene().start()
    assert scene.ask().certificate_status is Status.GOOD
    assert scene.ask(SERIAL + 1).certificate_status is Status.UNKNOWN
    scene.register[3] = attrs.evolve(ISSUED, state=IssuanceState.INTENT, certificate_hash=None)
    assert scene.ask(3).certificate_status is Status.UNKNOWN
    scene.register[4] = attrs.evolve(ISSUED, state=IssuanceState.VOID, certificate_hash=None)
    assert scene.ask(4).certificate_status is Status.REVOKED
    scene.register[SERIAL + 1] = attrs.evolve(ISSUED, serial=SERIAL + 1)
    assert scene.ask(SERIAL + 1).certificate_status is Status.GOOD, "that it was unknown is not remembered"


@pytest.mark.parametrize("nonce", [b"", b"n" * 32])
def test_a_revocation_ends_answers_that_were_made_before(nonce: bytes) -> None:
    scene = Scene().start()
    assert scene.ask(nonce=nonce).certificate_status is Status.GOOD
    digest = b"h" * 32
    scene.view.revoked[digest] = Revocation(
        certificate_hash=digest, uid="x", revoked_at=NOW, reason=Reason.KEY_COMPROMISE
    )
    scene.view.revocations_seen += 1
    answer = scene.ask(nonce=nonce)
    assert answer.certificate_status is Status.REVOKED
    assert answer.revocation_time_utc == NOW
    del scene.view.revoked[digest]
    scene.view.revocations_seen += 1
    assert scene.ask(nonce=nonce).certificate_status is Status.GOOD


def test_an_answer_without_nonce_is_kept_for_an_hour_and_valid_for_four() -> None:
    scene = Scene().start()
    first = scene.ask()
    assert first.next_update_utc == NOW + timedelta(hours=4)
    scene.now = scene.view.refreshed_at = NOW + timedelta(minutes=59)
    assert scene.ask().this_update_utc == NOW
    assert scene.ask(nonce=b"n").this_update_utc == scene.now
    scene.now = scene.view.refreshed_at = NOW + timedelta(hours=1)
    assert scene.ask().this_update_utc == scene.now


def test_nothing_is_said_from_a_view_that_is_too_old_or_without_the_key() -> None:
    scene = Scene().start()
    scene.now = NOW + timedelta(minutes=6)
    assert scene.ask().response_status is Answer.TRY_LATER
    scene.view.refreshed_at = None
    assert scene.ask().response_status is Answer.TRY_LATER
    away = Scene(signer=lambda signer: Away(signer.public)).start()
    assert away.ask(nonce=b"n").response_status is Answer.TRY_LATER


def test_another_authority_and_garbage_get_their_errors() -> None:
    scene = Scene().start()
    foreign = question_for(country().pki.authority_certificate("staff-ca"), SERIAL)
    for question, wanted in ((foreign, Answer.UNAUTHORIZED), (b"<html>", Answer.MALFORMED_REQUEST)):
        assert ocsp.load_der_ocsp_response(scene.service.answer(question)).response_status is wanted


def test_the_register_is_not_asked_where_nobody_may_wait() -> None:
    scene = Scene().start()
    asked = question_for(country().pki.authority_certificate(NAME), SERIAL)
    with pytest.raises(NotInMemory):
        scene.service.answer(asked, may_block=False)
    scene.service.answer(asked)
    scene.service.answer(asked, may_block=False)


def test_the_responder_is_that_of_the_certificates_own_authority() -> None:
    answer = Scene().start().ask()
    answer.certificates[0].verify_directly_issued_by(country().pki.authority(NAME).certificate)
