"""Revocation lists: one an authority every hour, and at once after a revocation; the number rises by one each time."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.pki import key_store, store
from tallystick.authority.reference.pki.ports import Registry
from tallystick.authority.reference.pki.values import KeptList, Reason
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.issuing import Authority
from tallystick.crypto.revocation_lists import RevokedSerial, prepare_list, read_list, sign_list
from tallystick.kernel.faults import Fault

EVERY = timedelta(hours=1)
KEPT_AFTER_END = timedelta(days=2)
"""A line stays on the lists of two days after the certificate has ended (RFC 5280, 3.3 asks for one list)."""
_ACTOR = "process:pki"


def due(conn: Connection, registry: Registry, names: list[str], at: datetime) -> list[str]:
    """The authorities among ``names`` whose list is an hour old, or no longer says what is revoked."""
    newest, standing = key_store.newest_lists(conn), revoked_by_hash(conn, registry)
    wanted = []
    for name in names:
        kept = newest.get(name)
        if kept is None or at - kept.this_update >= EVERY or _has_changed(conn, kept, standing, at):
            wanted.append(name)
    return wanted


def _has_changed(conn: Connection, kept: KeptList, standing: dict[bytes, tuple[datetime, int]], at: datetime) -> bool:
    issuer = store.authorities(conn)[kept.authority]
    said = read_list(kept.der, issuer, kept.this_update).revoked
    now = {line.serial: line for line in _lines(conn, kept.authority, standing, at)}
    return {serial: one.reason for serial, one in said.items()} != {serial: one.reason for serial, one in now.items()}


def revoked_by_hash(conn: Connection, registry: Registry) -> dict[bytes, tuple[datetime, int]]:
    """Moment and reason of every revocation that stands."""
    return {one.certificate_hash: (one.revoked_at, one.reason) for one in registry.revocations(conn)}


def make(conn: Connection, registry: Registry, name: str, authority: Authority, at: datetime) -> KeptList:
    """Make and publish the next list of an authority; commits in between.

    Raises ``TS-5004`` when the key is away: the same number is tried again.
    """
    key_store.hold_authority(conn, name)
    before = key_store.newest_list(conn, name)
    number = 1 if before is None else before.number + 1
    prepared = prepare_list(authority, number, _lines(conn, name, revoked_by_hash(conn, registry), at), at)
    if not key_store.begin_list(conn, name, prepared):
        raise Fault("TS-3027", detail=f"list {number} of {name} was published meanwhile")
    use = key_store.begin_use(conn, authority.signer.public.fingerprint, "list", prepared.tbs_hash, _ACTOR, at)
    conn.commit()
    der = sign_list(authority, prepared)
    read_list(der, authority.der, prepared.this_update, above=None if before is None else before.number)
    if not key_store.finish_list(conn, name, prepared, der):
        raise Fault("TS-3027", detail=f"list {number} of {name} was published meanwhile")
    key_store.end_use(conn, use, at)
    facts = {"number": str(number), "revoked": str(prepared.count), "tbs": prepared.tbs_hash.hex(), "use": str(use)}
    activity.record(conn, Act(at=at, actor=_ACTOR, verb="pki.list", object=f"list:{name}/{number}", facts=facts))
    conn.commit()
    made = key_store.newest_list(conn, name)
    assert made is not None, "it was published just now"
    return made


def take(conn: Connection, name: str, der: bytes, by: str, at: datetime) -> bool:
    """Take a list that was made elsewhere: the root is not on line. False when it is the newest one already.

    Raises ``TS-1102`` (not of this authority), ``TS-1109`` (not in force), ``TS-3027`` (older than the newest) and
    ``TS-3022`` (authority unknown).
    """
    issuer = store.authorities(conn).get(name)
    if issuer is None:
        raise Fault("TS-3022", detail=f"no authority {name}")
    key_store.hold_authority(conn, name)
    before = key_store.newest_list(conn, name)
    if before is not None and before.der == der:
        return False
    read = read_list(der, issuer, at, above=None if before is None else before.number)
    key_store.add_list(conn, name, read, der)
    use = key_store.begin_use(conn, read_facts(issuer).key_hash, "list", read.tbs_hash, by, at)
    key_store.end_use(conn, use, at)
    facts = {"number": str(read.number), "revoked": str(len(read.revoked)), "use": str(use)}
    activity.record(conn, Act(at=at, actor=by, verb="pki.take-list", object=f"list:{name}/{read.number}", facts=facts))
    return True


def _lines(
    conn: Connection, name: str, standing: dict[bytes, tuple[datetime, int]], at: datetime
) -> list[RevokedSerial]:
    """What stands on a list now: revoked certificates, and serial numbers that were begun and never finished."""
    ended_after = at - KEPT_AFTER_END
    found = [
        RevokedSerial(serial, *standing[digest])
        for serial, digest in store.listed(conn, name, list(standing), ended_after)
    ]
    void = store.void_serials(conn, name, ended_after)
    found += [RevokedSerial(serial, since, Reason.CESSATION_OF_OPERATION) for serial, since in void]
    return found
