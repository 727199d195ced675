"""Signs commands to devices with the key of their own unit: certified by the service authority, each use recorded.

The unit's key is made and used as those of the other services (`pki_service_keys`); what explains a use is the command.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from tallystick.authority.reference.pki import key_store, queries, succession
from tallystick.authority.reference.pki.reconciling import COMMAND, Discrepancy
from tallystick.authority.reference.remote import operations as remote
from tallystick.authority.reference.remote import queries as commands
from tallystick.authority.room_queries import Connection
from tallystick.crypto import profiles
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.national_orders import unit_order
from tallystick.crypto.pki import SERVICES
from tallystick.crypto.policy import Use
from tallystick.crypto.signers import check_signature
from tallystick.crypto.trust_lists import jws_signature
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.ops.pki_service_keys import Held, ServiceKeys, ServicePlan

log = logging.getLogger(__name__)

_ACTOR = "process:pki"


def unit_plan(conn: Connection, keys: ServiceKeys, organization: str, country: str, at: datetime) -> ServicePlan:
    """The unit that signs commands."""
    profile = profiles.device_commands(keys.services.arc).with_days(keys.services.days)
    return ServicePlan(
        name="device-commands",
        authority=succession.issuing(conn, SERVICES, at),
        purpose=KeyPurpose.DEVICE_COMMAND,
        use=Use.SIGN_DEVICE_COMMAND,
        what="commands to devices",
        order=lambda key: unit_order(organization, country, "device commands", key, profile),
    )


def sign_when_due(
    conn: Connection, keys: ServiceKeys, origin: str, organization: str, country: str, at: datetime
) -> bool:
    """Sign what waits; false where it cannot be signed just now, which is told: it is tried again."""
    if not commands.is_any_unsigned(conn, at):
        return True
    held = keys.hold(conn, unit_plan(conn, keys, organization, country, at), at)
    if held is None:
        return False
    try:
        sign_waiting(conn, held, origin, at)
    except Fault as fault:
        conn.rollback()
        log.warning("commands to devices are not signed: %s", fault)
        return False
    return True


def sign_waiting(conn: Connection, held: Held, origin: str, at: datetime) -> int:
    """Sign with a unit that is at hand; raises ``TS-5004`` when its key is away."""
    key_hash = read_facts(held.certificate).key_hash

    def sign(unsigned: bytes) -> bytes:
        use = key_store.begin_use(conn, key_hash, COMMAND, sha256(unsigned), _ACTOR, at)
        conn.commit()
        signature = held.signer.sign(unsigned)
        check_signature(held.signer.public, unsigned, signature)
        key_store.end_use(conn, use, at)
        return jws_signature(signature)

    return remote.sign_waiting(conn, origin, sha256(held.certificate), sign, at)


def signers(conn: Connection, kids: set[bytes]) -> tuple[bytes, ...]:
    """Certificates (DER) of the units with these SHA-256, and of the authorities above them."""
    found = [one for kid in sorted(kids) if (one := queries.certificate_by_hash(conn, kid)) is not None]
    known = queries.authorities(conn)
    above = {one.authority: known[one.authority] for one in found if one.authority in known}
    return (*(one.certificate for one in found if one.certificate), *above.values())


def unlogged_commands(conn: Connection) -> Iterator[Discrepancy]:
    """Signed commands that no use of a key explains."""
    for page in commands.signed_commands(conn):
        known = key_store.known_digests(conn, [digest for _, _, digest in page])
        for uid, number, digest in page:
            if digest not in known:
                yield Discrepancy("a command that no use of a key explains", f"command {number} of {uid}")
