"""What tests of issuing share: a request is handed in, a certificate is revoked, a key is away."""

from __future__ import annotations

from datetime import timedelta

import attrs
from cards import NOW
from pki_bench import OFFICER, PkiBench

from tallystick.authority.reference.pki import enrolment, revoking
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.pki.values import Issuance, Reason
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.issuing import Authority
from tallystick.crypto.keys import PublicKey
from tallystick.kernel.faults import Fault

SOON = NOW + timedelta(minutes=1)
LATE = NOW + timedelta(days=300)


def enrol(bench: PkiBench, code: str, request: bytes, uid: str = "") -> bytes:
    """Hand a first request in, a minute after the code was given."""
    return enrolment.enrol(bench.conn, bench.services, uid or bench.uid, code, request, SOON)


def issuance_of(bench: PkiBench, certificate: bytes) -> Issuance:
    """The row of a certificate."""
    return revoking.find(bench.conn, read_facts(certificate).sha256.hex())


def revoke(bench: PkiBench, certificate: bytes, reason: Reason = Reason.KEY_COMPROMISE) -> None:
    """An officer revokes a certificate."""
    issuance = issuance_of(bench, certificate)
    revoking.revoke(bench.conn, bench.services.registry, issuance, reason, OFFICER, "it was stolen", SOON)
    bench.conn.commit()


class Away:
    """A key that cannot be reached."""

    def __init__(self, public: PublicKey) -> None:
        self.public = public

    def sign(self, tbs: bytes) -> bytes:
        """Never."""
        raise Fault("TS-5004", detail="the token is away")


def with_key_away(bench: PkiBench) -> PkiServices:
    """The services of the room, with no key at hand."""

    def authority(name: str) -> Authority:
        real = bench.services.authority(name)
        return attrs.evolve(real, signer=Away(real.signer.public))

    return attrs.evolve(bench.services, authority=authority)
