"""The room's services over a folder of keys, and the hierarchy as the register of certificates takes it in."""

from __future__ import annotations

import logging
from datetime import datetime

from tallystick.authority.reference.pki import lists, operations
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.pki.values import Wish
from tallystick.authority.reference.pki_registry import RegistryOfDevices
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import certificates_of
from tallystick.crypto.issuing import Authority
from tallystick.crypto.pki import CARDS, SERVICES, DemoPki
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256

log = logging.getLogger(__name__)

SET_UP = "process:set-up"


def pki_services(pki: DemoPki) -> PkiServices:
    """The room's services over a folder of keys."""

    def authority(name: str) -> Authority:
        try:
            return pki.authority(name)
        except OSError as error:
            detail = f"the key of {name} is not to be had: {type(error).__name__}"
            raise Fault("TS-5004", detail=detail, retry_after_seconds=30) from error

    return PkiServices(authority=authority, registry=RegistryOfDevices(), arc=pki.arc, days=pki.days)


def enter_hierarchy(conn: Connection, pki: DemoPki, at: datetime) -> None:
    """Note root, authorities, server and encryption certificate of a folder; what is known already stays.

    Raises ``TS-3004`` when the database knows other authorities under these names.
    """
    root = pki.authority_certificate("root")
    operations.enter_authority(conn, "root", root, at)
    _enter(conn, "root", "root", root, "authority:root", at)
    for plan in pki.branches.plans:
        certificate = pki.authority_certificate(plan.name)
        operations.enter_authority(conn, plan.name, certificate, at)
        _enter(conn, "root", "issuing", certificate, f"authority:{plan.name}", at)
    enter_services(conn, pki, at)
    try:
        lists.take(conn, "root", pki.files.root_list.read_bytes(), SET_UP, at)
    except Fault as fault:  # an older list than the one that was brought since, or one that has ended
        if fault.code not in ("TS-3027", "TS-1109"):
            raise
        log.warning("the root's list in the folder of keys is not taken: %s", fault)


def enter_services(conn: Connection, pki: DemoPki, at: datetime) -> None:
    """Note the server's and the encryption certificate that lie in the folder now."""
    for name, profile in (("tls", "tls-server"), ("encryption", "encryption")):
        certificate = certificates_of(pki.files.certificate(name).read_bytes())[0]
        if not operations.is_issued(conn, sha256(certificate)):
            _enter(conn, pki.branches.issuer_of(SERVICES, certificate), profile, certificate, f"service:{name}", at)


def enter_card(
    conn: Connection, pki: DemoPki, profile: str, certificate: bytes, uid: str, tin: str, by: str, at: datetime
) -> None:
    """Note a certificate of a secure element, a POS or a hosted signer that a folder's authority issued."""
    authority = pki.branches.issuer_of(CARDS, certificate)
    if authority not in operations.known_authorities(conn):
        enter_hierarchy(conn, pki, at)
    wish = Wish(
        holder=f"card:{uid}", request=certificate, requested_by=by, purpose="personalisation", tin=tin
    )  # fmt: skip
    operations.enter_issued(conn, authority, profile, certificate, wish, at)


def _enter(conn: Connection, authority: str, profile: str, certificate: bytes, holder: str, at: datetime) -> None:
    wish = Wish(holder=holder, request=certificate, requested_by=SET_UP, purpose="set-up of the country")
    operations.enter_issued(conn, authority, profile, certificate, wish, at)
