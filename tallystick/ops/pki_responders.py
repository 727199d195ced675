"""The OCSP responders of the authorities and the timestamp unit, as the services of the room take them."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.pki import operations, queries, succession
from tallystick.authority.reference.pki.timestamping import TimestampUnit
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.national_orders import responder_order, unit_order
from tallystick.crypto.ocsp import Responder
from tallystick.crypto.pki import SERVICES
from tallystick.crypto.policy import Use
from tallystick.crypto.profiles import OCSP_RESPONDER, TIMESTAMP
from tallystick.ops.pki_service_keys import ServiceKeys, ServicePlan


def responders(conn: Connection, keys: ServiceKeys, at: datetime) -> dict[str, Responder]:
    """A responder for each issuing authority that can have one: its own, whatever became of the authority.

    A withdrawn authority certifies no new one; the one that is there answers to its end, 30 days at most.
    """
    found: dict[str, Responder] = {}
    for name, certificate in queries.authorities(conn).items():
        if name == operations.ROOT or at >= read_facts(certificate).not_after:
            continue
        held = keys.hold(conn, responder_plan(keys, name), at)
        if held is not None:
            found[name] = Responder(held.certificate, held.signer)
    return found


def responder_plan(keys: ServiceKeys, authority: str) -> ServicePlan:
    """The responder of an authority."""
    profile = OCSP_RESPONDER.with_days(keys.services.days)
    return ServicePlan(
        name=f"ocsp-{authority}",
        authority=authority,
        purpose=KeyPurpose.OCSP,
        use=Use.SIGN_OCSP_ANSWER,
        what="OCSP responder",
        order=lambda key: responder_order(authority, key, profile),
    )


def timestamp_unit(
    conn: Connection, keys: ServiceKeys, organization: str, country: str, at: datetime
) -> TimestampUnit | None:
    """The unit in force; none while no key process makes its key."""
    profile = TIMESTAMP.with_days(keys.services.days)
    plan = ServicePlan(
        name="timestamp",
        authority=succession.issuing(conn, SERVICES, at),
        purpose=KeyPurpose.TIMESTAMP,
        use=Use.SIGN_TIMESTAMP,
        what="timestamp unit",
        order=lambda key: unit_order(organization, country, "timestamp unit", key, profile),
    )
    held = keys.hold(conn, plan, at)
    if held is None:
        return None
    issuer = keys.pki.branches.issuer_of(SERVICES, held.certificate)
    return TimestampUnit(held.certificate, keys.pki.authority_certificate(issuer), held.signer)
