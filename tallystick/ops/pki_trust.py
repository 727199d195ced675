"""What the trust list says, gathered from the registers: authorities, keys of the log, services, and who signs."""

from __future__ import annotations

import logging
from datetime import datetime

from tallystick.authority.keys import queries as keys
from tallystick.authority.keys.values import LOG, KeyState
from tallystick.authority.reference.pki import queries, succession, trust_lists
from tallystick.authority.reference.pki.ports import Registry
from tallystick.authority.room_queries import Connection
from tallystick.crypto import profiles
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.national_orders import unit_order
from tallystick.crypto.pki import SERVICES
from tallystick.crypto.policy import Use
from tallystick.crypto.profiles import ISSUES_FOR
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.ops.pki_service_keys import ServiceKeys, ServicePlan
from tallystick.wire.signed_note import KeyType, NoteKey
from tallystick.wire.trust_list import (
    TYPE,
    VERSION,
    AuthorityState,
    ListedAuthority,
    ListedLogKey,
    ListedService,
    TrustList,
    text_of,
)

log = logging.getLogger(__name__)

_LISTED_PROFILES = ("timestamp", "ocsp-responder")


def publish_when_due(
    conn: Connection, service_keys: ServiceKeys, origin: str, organization: str, country: str, at: datetime
) -> None:
    """Sign a new trust list where the one in force says too little; without keys there is none, and that is told."""
    profile = profiles.trust_list(service_keys.services.arc).with_days(service_keys.services.days)
    plan = ServicePlan(
        name="trust-list",
        authority=succession.issuing(conn, SERVICES, at),
        purpose=KeyPurpose.TRUST_LIST,
        use=Use.SIGN_TRUST_LIST,
        what="trust list",
        order=lambda key: unit_order(organization, country, "trust list", key, profile),
    )
    held = service_keys.hold(conn, plan, at)
    if held is None:
        return
    content = gather(conn, service_keys.services.registry, origin, held.certificate, at)
    try:
        if trust_lists.is_due(conn, content, at):
            trust_lists.make(conn, content, held.signer, at)
    except Fault as fault:
        conn.rollback()
        log.warning("no new trust list: %s", fault)


def gather(conn: Connection, registry: Registry, origin: str, signer: bytes, at: datetime) -> TrustList:
    """The list's content now, without number and moments."""
    known = queries.authorities(conn)
    return TrustList(
        type=TYPE,
        version=VERSION,
        origin=origin,
        number="",
        issuedAt="",
        nextUpdate="",
        root=text_of(known["root"]),
        signer=text_of(signer),
        authorities=tuple(_authority(conn, registry, name, der) for name, der in known.items() if name != "root"),
        log=tuple(_log_keys(conn, origin)),
        keyChanges=tuple(text_of(note) for note in keys.change_notes(conn)),
        services=tuple(_services(conn, registry, at)),
    )


def _authority(conn: Connection, registry: Registry, name: str, der: bytes) -> ListedAuthority:
    facts, revoked = read_facts(der), _revoked_since(conn, registry, der)
    return ListedAuthority(
        name=name,
        certificate=text_of(der),
        state=AuthorityState.DISTRUSTED if revoked else AuthorityState.ACTIVE,
        issuesUntil=str(unix_ms(min(facts.not_before + ISSUES_FOR, facts.not_after))),
        since=revoked,
    )


def _log_keys(conn: Connection, origin: str) -> list[ListedLogKey]:
    return [
        ListedLogKey(
            key=NoteKey(origin, KeyType.LOG, one.public_key.raw).verifier_key,
            since=str(unix_ms(one.active_at)),
            until="" if one.state is KeyState.ACTIVE or one.retires_at is None else str(unix_ms(one.retires_at)),
        )
        for one in keys.keys(conn, LOG)
    ]


def _services(conn: Connection, registry: Registry, at: datetime) -> list[ListedService]:
    """Units of timestamps, ended ones too since their tokens stay; responders while their certificates last."""
    return [
        ListedService(service=profile, certificate=text_of(der), revoked=_revoked_since(conn, registry, der))
        for profile in _LISTED_PROFILES
        for der in queries.issued_of_profile(conn, profile)
        if profile == "timestamp" or read_facts(der).not_after > at
    ]


def _revoked_since(conn: Connection, registry: Registry, der: bytes) -> str:
    revoked = registry.revocation(conn, sha256(der))
    return "" if revoked is None or revoked.lifted_at is not None else str(unix_ms(revoked.revoked_at))
