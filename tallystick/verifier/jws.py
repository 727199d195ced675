"""Documents of the national channels: a compact JWS with exactly the protected header that the wire allows, ES256.

What is checked is what the form promises: header, signature over the received bytes, device, place in the device's
sequence and the link before it. The payload's amounts have no published schema yet and are not recomputed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tallystick.crypto.signatures import verify_es256
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.hashes import sha256
from tallystick.wire.document_jws import DocumentHeader, read_signed

if TYPE_CHECKING:
    from tallystick.verifier.documents import Case


def check_jws(case: Case) -> Iterator[tuple[BreakCode, str]]:
    """A document under ES256 (P-256)."""
    record = case.record
    try:
        signed = read_signed(case.body, bytes_max=len(case.body))
    except Fault as fault:
        yield BreakCode.SIGNATURE, str(fault)
        return
    header = signed.header
    der = case.certificates.get(header.kid)
    if der is None:
        yield BreakCode.CERTIFICATE, "the certificate is not in the export"
        return
    try:
        signer = case.trust.device(der)
        case.trust.check(signer, header.time_ms)
    except Fault as fault:
        yield BreakCode.CERTIFICATE, str(fault)
        return
    try:
        moment = from_unix_ms(header.time_ms)
        verify_es256(signer.certificate.public_key, signed.signing_input, signed.signature, moment=moment)
    except Fault as fault:
        yield BreakCode.SIGNATURE, str(fault)
        return
    yield from _binding(header, case, signer.certificate.uid)
    if record.act_hash != sha256(signed.signing_input).hex():
        yield BreakCode.BINDING, "the record names another act than the one that was signed"


def _binding(header: DocumentHeader, case: Case, uid: str) -> Iterator[tuple[BreakCode, str]]:
    record = case.record
    if header.kid.hex() != record.certificate_hash or header.device != uid:
        yield BreakCode.BINDING, "the key is not that of the device in the record"
    if record.device.rpartition("-")[2] != header.device or record.issued_at != str(header.time_ms):
        yield BreakCode.BINDING, "device or time of the record are not the signed ones"
    if header.audience != case.origin:
        yield BreakCode.BINDING, f"signed for the log {header.audience}"
    if record.device_seq != str(header.sequence) or record.device_prev != header.previous.hex():
        yield BreakCode.DEVICE_LINK, "the device signed another place in its sequence, or another link before it"
