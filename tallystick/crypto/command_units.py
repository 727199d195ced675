"""Who may sign commands to devices, and whether somebody did: a unit certified below the national root.

A device needs nothing but the root for it: the authority's certificate comes with the commands, and is good because the
root certified it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tallystick.crypto.certificates import (
    Trusted,
    TrustStore,
    is_self_signed,
    public_key_of,
    read_certificate,
    verify_chain,
)
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.policy import Use
from tallystick.crypto.signatures import verify_unit_es256
from tallystick.crypto.trust_lists import usages_of
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256

_DOCUMENTS = ".2.1"
"""The end of the usage of devices below an arc (`NationalArc.documents`); no other of theirs ends so."""


def check_command_unit(
    kid: bytes,
    certificates: Iterable[bytes],
    roots: Trusted,
    arc: NationalArc,
    signed: bytes,
    signature: bytes,
    at: datetime,
) -> None:
    """Check that the unit whose certificate has this SHA-256 signed a command, and may do so at a moment.

    ``certificates`` (DER) came with the command: the unit's own and those above it. Raises ``TS-1102``, ``TS-1103`` and
    ``TS-1310`` for the chain, ``TS-3302`` where the unit is not among them, is certified for something else, or did not
    sign this.
    """
    given = tuple(certificates)
    signer = next((der for der in given if sha256(der) == kid), None)
    if signer is None:
        raise Fault("TS-3302", detail="the certificate of its signer did not come with it")
    below = TrustStore.from_der([der for der in given if der != signer and not is_self_signed(der)])
    verify_chain(signer, TrustStore((*roots.authorities, *below.authorities)), at)
    certificate = read_certificate(signer)
    if usages_of(certificate) != [arc.device_commands]:
        raise Fault("TS-3302", detail="its signer may not sign commands to devices")
    key = public_key_of(certificate)
    verify_unit_es256(key, signed, signature, use=Use.VERIFY_DEVICE_COMMAND, code="TS-3302", moment=at)


def arc_of_device(der: bytes) -> NationalArc:
    """The operator's arc, read from a device's own certificate; raises ``TS-1102`` where it is none of a device."""
    for usage in usages_of(read_certificate(der)):
        base = usage.removesuffix(_DOCUMENTS)
        if base != usage:
            return NationalArc(base)
    raise Fault("TS-1102", detail="the certificate is of no device of the national channels")
