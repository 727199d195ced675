"""The OCSP responders of the authorities: a key and a delegated certificate each, made anew in the last third."""

from __future__ import annotations

import logging
from datetime import datetime

from tallystick.authority.reference.pki import operations
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.pki.values import Wish
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of, pem_of
from tallystick.crypto.keys import generate_p256_key, store_private_key
from tallystick.crypto.national_orders import responder_order
from tallystick.crypto.ocsp import Responder
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.profiles import OCSP_RESPONDER
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically

log = logging.getLogger(__name__)


def responders(conn: Connection, pki: DemoPki, services: PkiServices, at: datetime) -> dict[str, Responder]:
    """A responder for each issuing authority; one whose certificate nears its end gets a new key and certificate.

    Where the authority's key is away, the one that is there serves to its end; without one the authority has none.
    """
    found: dict[str, Responder] = {}
    for plan in pki.hierarchy:
        present = _present(conn, pki, plan.name, at)
        if present is not None and not _nears_its_end(present, at):
            found[plan.name] = present
            continue
        try:
            found[plan.name] = _made(conn, pki, services, plan.name, at)
        except Fault as fault:
            log.warning("no new responder of %s: %s", plan.name, fault)
            if present is not None:
                found[plan.name] = present
    return found


def _nears_its_end(responder: Responder, at: datetime) -> bool:
    facts = read_facts(responder.certificate)
    return at >= facts.not_after - facts.lifetime / 3


def _present(conn: Connection, pki: DemoPki, name: str, at: datetime) -> Responder | None:
    """The one in the folder, if it is whole, in the register and not at its end."""
    label = f"ocsp-{name}"
    file = pki.files.certificate(label)
    if not file.exists():
        return None
    certificate = der_of(file.read_bytes())
    facts, signer = read_facts(certificate), pki.signer(label)
    is_usable = signer.public == facts.public_key and operations.is_issued(conn, facts.sha256) and at < facts.not_after
    return Responder(certificate, signer) if is_usable else None


def _made(conn: Connection, pki: DemoPki, services: PkiServices, name: str, at: datetime) -> Responder:
    label = f"ocsp-{name}"
    key = generate_p256_key()
    wish = Wish(
        holder=f"service:{label}",
        request=key.public.spki,
        requested_by="process:pki",
        purpose="OCSP responder",
    )
    order = responder_order(name, key.public, OCSP_RESPONDER.with_days(services.days))
    certificate = operations.issue(conn, name, services.authority(name), order, wish, at)
    store_private_key(pki.files.private_key(label), key)
    write_atomically(pki.files.certificate(label), pem_of(certificate), mode=0o644)
    return Responder(certificate, pki.signer(label))
