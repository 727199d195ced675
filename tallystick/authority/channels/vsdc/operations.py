"""What the operator may do here: enrol a POS, give it another PAC, add and retire signing elements.

The caller's transaction is the unit of work. Certificates are issued by the caller; this room never sees a private key.
"""

from __future__ import annotations

import attrs

from tallystick.authority.channels.vsdc import store
from tallystick.authority.channels.vsdc.pac import pac_hash
from tallystick.authority.channels.vsdc.values import SignerState
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries as registered
from tallystick.authority.reference.registry.values import SecureElementEntry, Taxpayer
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money

SIGNER_UID_END = "O0"
_NO_LIMIT = Money(2**56 - 1)
"""A hosted signer has no limit between proofs of audit; the registry wants one, so it gets the highest."""
_ENCRYPTION_KEY = "package"


@attrs.frozen(slots=True)
class Enrolment:
    """What a POS may ask with: its certificate (class 3.2, DER), and the PAC in clear, which is kept nowhere."""

    certificate: bytes
    pac: str = attrs.field(repr=False)
    premises_id: int | None = None


def enrol_pos(
    conn: Connection, enrolment: Enrolment, *, environment: tuple[int, int], pac_secret: bytes
) -> SecureElementEntry:
    """Let a POS ask for invoices; again with the same certificate it gets another PAC.

    Raises ``TS-2405`` for a certificate of another class, ``TS-1108``, ``TS-3004`` for a UID that is taken.
    """
    entry = _register(conn, enrolment.certificate, CertificateClass.V32, environment, enrolment.premises_id)
    store.put_pos(conn, entry.uid, pac_hash(pac_secret, entry.uid, enrolment.pac.encode()))
    return entry


def change_pac(conn: Connection, uid: str, pac: str, *, pac_secret: bytes) -> None:
    """Another PAC for an enrolled POS; a lock ends with it. Raises ``TS-2401`` for an unknown one."""
    entry = registered.secure_element(conn, uid)
    if entry is None or entry.certificate_class is not CertificateClass.V32:
        raise Fault("TS-2401", detail="no such POS")
    store.put_pos(conn, uid, pac_hash(pac_secret, uid, pac.encode()))


def add_signer(
    conn: Connection, certificate: bytes, key_label: str, *, environment: tuple[int, int]
) -> SecureElementEntry:
    """Enter a signing element whose key lies under a label. Raises ``TS-2405``, ``TS-1313`` (its UID does not end as
    those of hosted signers do), ``TS-1108``, ``TS-3004``."""
    if not read_card_certificate(certificate).uid.endswith(SIGNER_UID_END):
        raise Fault("TS-1313", detail=f"the UID of a hosted signer ends with {SIGNER_UID_END}")
    entry = _register(conn, certificate, CertificateClass.V35, environment, None)
    store.add_signer(conn, entry.uid, key_label)
    return entry


def set_signer_state(conn: Connection, uid: str, state: SignerState) -> None:
    """Retire a signing element or take it back. Its invoices stay verifiable, and begun ones are ended by it.

    Raises ``TS-2401`` for an unknown one.
    """
    if not store.set_signer_state(conn, uid, state):
        raise Fault("TS-2401", detail="no such signing element")


def _register(
    conn: Connection,
    certificate: bytes,
    wanted: CertificateClass,
    environment: tuple[int, int],
    premises_id: int | None,
) -> SecureElementEntry:
    read = read_card_certificate(certificate)
    if read.certificate_class is not wanted:
        raise Fault("TS-2405", detail=f"a certificate of class 3.{int(wanted)} is needed here")
    registry.register_taxpayer(conn, Taxpayer(read.seller.tin, read.seller.business_name))
    return registry.register_secure_element(
        conn,
        certificate,
        environment=environment,
        encryption_key=_ENCRYPTION_KEY,
        limit=_NO_LIMIT,
        premises_id=premises_id,
    )
