"""The OCSP responders of the authorities: a key and a delegated certificate each, made anew in the last third."""

from __future__ import annotations

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
from tallystick.kit.atomic_file import write_atomically


def responders(conn: Connection, pki: DemoPki, services: PkiServices, at: datetime) -> dict[str, Responder]:
    """A responder for each issuing authority; one whose certificate nears its end gets a new key and certificate.

    Raises ``TS-5004`` when an authority's key is away and its responder must be made.
    """
    return {plan.name: _responder(conn, pki, services, plan.name, at) for plan in pki.hierarchy}


def _responder(conn: Connection, pki: DemoPki, services: PkiServices, name: str, at: datetime) -> Responder:
    label = f"ocsp-{name}"
    file = pki.files.certificate(label)
    if file.exists():
        certificate = der_of(file.read_bytes())
        facts, signer = read_facts(certificate), pki.signer(label)
        is_known = operations.is_issued(conn, facts.sha256)
        if signer.public == facts.public_key and is_known and at < facts.not_after - facts.lifetime / 3:
            return Responder(certificate, signer)
    key = generate_p256_key()
    wish = Wish(
        holder=f"service:{label}",
        request=key.public.spki,
        requested_by="process:pki",
        purpose="OCSP responder",
    )
    order = responder_order(name, key.public)
    certificate = operations.issue(conn, name, services.authority(name), order, wish, at)
    store_private_key(pki.files.private_key(label), key)
    write_atomically(file, pem_of(certificate), mode=0o644)
    return Responder(certificate, pki.signer(label))
