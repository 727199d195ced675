"""What may be done: issue by intent and signature, note what exists already, clear up what a crash left (security 2.4).

An intent is committed before the key is asked, and the certificate after it has answered; the functions here commit in
between, so the caller's transaction ends with the call.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.pki import branch_store, key_store, store
from tallystick.authority.reference.pki.values import Issuance, IssuanceState, Wish
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.issuing import Authority, Order, Prepared
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.profiles import ISSUES_FOR, OCSP_RESPONDER
from tallystick.crypto.revocation_lists import read_list
from tallystick.kernel.faults import Fault

ROOT = "root"
LOST_AFTER = timedelta(minutes=2)
"""An intent that is older was begun by a process that is gone."""


Note = Callable[[Connection, bytes], object]
"""What else is written, in the same transaction, of a certificate (DER) that came about."""


def _nothing_else(_: Connection, __: bytes) -> None:
    """For certificates that no other room needs to know."""


def issue(
    conn: Connection,
    name: str,
    authority: Authority,
    order: Order,
    wish: Wish,
    at: datetime,
    note: Note = _nothing_else,
) -> bytes:
    """Issue a certificate, DER; the same request again gives the same one.

    Raises ``TS-3003`` (weak or blocked key), ``TS-3004`` (the key is somebody else's), ``TS-3006`` (linters),
    ``TS-3007`` (its serial number became void meanwhile), ``TS-3024`` (the authority issues no more) and ``TS-5004``
    (the key is away: the serial number is void, the same request may come again).
    """
    store.hold_request(conn, wish.request_hash(order.profile.name))
    try:
        found = _known(conn, order, wish, at)
        return found if found is not None else _issue(conn, name, authority, order, wish, at, note)
    except BaseException:
        conn.rollback()
        raise
    finally:
        store.release_request(conn, wish.request_hash(order.profile.name))
        conn.commit()


def _known(conn: Connection, order: Order, wish: Wish, at: datetime) -> bytes | None:
    """What the same request led to. Nobody else works on it now, so an intent that is there was lost."""
    _check_key(conn, order.public_key, wish, at)
    before = store.by_request(conn, wish.request_hash(order.profile.name))
    if before is None:
        return None
    if before.state is IssuanceState.INTENT:
        _void(conn, before, at)
        return None
    return before.certificate


def _check_key(conn: Connection, key: PublicKey, wish: Wish, at: datetime) -> None:
    if store.is_blocked(conn, key.fingerprint):
        raise Fault("TS-3003", detail="the key is on the list of keys that nobody may have")
    if store.claim_key(conn, key.fingerprint, wish.holder, at) != wish.holder:
        raise Fault("TS-3004", detail="this public key belongs to another holder")


def _issue(
    conn: Connection, name: str, authority: Authority, order: Order, wish: Wish, at: datetime, note: Note
) -> bytes:
    _refuse_revoked(conn, name)
    is_past_its_years = at >= authority.certificate.not_valid_before_utc + ISSUES_FOR
    if is_past_its_years and order.profile.name != OCSP_RESPONDER.name:  # it answers for what it certified to the end
        raise Fault("TS-3024", detail=f"{name} only revokes by now; another authority follows it")
    prepared = authority.prepare(order, at)
    number = store.begin(conn, name, prepared, wish, at)
    if number is None:
        raise Fault("TS-3007", detail="this serial number is taken")
    use = key_store.begin_use(
        conn, authority.signer.public.fingerprint, "certificate", prepared.tbs_hash, wish.requested_by, at
    )
    _log(conn, "pki.sign", name, prepared, wish, at, use)
    conn.commit()
    try:
        certificate = authority.sign(prepared)
    except Exception:
        store.void(conn, number, at)
        conn.commit()
        raise
    _note_signed(conn, name, number, certificate, at)
    key_store.end_use(conn, use, at)
    note(conn, certificate)
    _log(conn, "pki.issue", name, prepared, wish, at, use)
    conn.commit()
    return certificate


def _note_signed(conn: Connection, name: str, number: int, certificate: bytes, at: datetime) -> None:
    """Make it a certificate, unless its authority was withdrawn while it was signed: then nobody gets it."""
    branch_store.share_issuing(conn, name)
    try:
        _refuse_revoked(conn, name)
    except Fault:
        store.void(conn, number, at)
        conn.commit()
        raise
    if not store.finish(conn, number, certificate, at):
        raise Fault("TS-3007", detail="its serial number became void before it was signed")


def _refuse_revoked(conn: Connection, name: str) -> None:
    """Nothing new of an authority that is withdrawn, here or by the root's newest list, wherever it was signed."""
    withdrawn = branch_store.withdrawals(conn).get(name)
    if withdrawn is not None:
        raise Fault("TS-3024", detail=f"{name} is withdrawn since {withdrawn.since:%Y-%m-%d %H:%M:%S} UTC")
    certificate = store.authorities(conn).get(name)
    if name != ROOT and certificate is not None and read_facts(certificate).serial in on_root_list(conn):
        raise Fault("TS-3024", detail=f"the root has revoked the certificate of {name}")


def on_root_list(conn: Connection) -> dict[int, int]:
    """Serial numbers of issuing authorities that the root's newest list revokes, with the CRL reason numbers."""
    kept, root = key_store.newest_list(conn, ROOT), store.authorities(conn).get(ROOT)
    if kept is None or root is None:
        return {}
    revoked = read_list(kept.der, root, kept.this_update).revoked
    return {serial: line.reason for serial, line in revoked.items()}


def enter_authority(conn: Connection, name: str, certificate: bytes, at: datetime) -> None:
    """Note an authority; the same again changes nothing. Raises ``TS-3004`` when its name or key is another one's."""
    facts = read_facts(certificate)
    store.enter_authority(conn, name, facts, at)
    if store.authorities(conn).get(name) != certificate:
        raise Fault("TS-3004", detail=f"the authority {name}, or its key, is known with another certificate")


def enter_issued(conn: Connection, name: str, profile: str, certificate: bytes, wish: Wish, at: datetime) -> None:
    """Note a certificate that was issued where there was no database: at set-up, by a production line, in a ceremony.

    Its key's use is written with it. The same again changes nothing. Raises ``TS-3004`` when the key, or the serial
    number, is another certificate's, ``TS-3024`` when the root has revoked its authority.
    """
    facts = read_facts(certificate)
    if store.by_hash(conn, facts.sha256) is not None:
        return
    if store.claim_key(conn, facts.key_hash, wish.holder, at) != wish.holder:
        raise Fault("TS-3004", detail="this public key belongs to another holder")
    branch_store.share_issuing(conn, name)
    _refuse_revoked(conn, name)
    number = store.begin_known(conn, name, profile, facts, wish, at)
    if number is None:
        if store.by_hash(conn, facts.sha256) is not None:
            return  # another process entered it just now
        raise Fault("TS-3004", detail="this serial number is another certificate's")
    store.finish(conn, number, certificate, at)
    issuer_key = read_facts(store.authorities(conn)[name]).key_hash
    use = key_store.begin_use(conn, issuer_key, "certificate", facts.tbs_hash, wish.requested_by, at)
    key_store.end_use(conn, use, at)
    act = Act(
        at=at,
        actor=wish.requested_by,
        verb="pki.enter",
        object=f"certificate:{name}/{facts.serial:x}",
        for_whom=wish.tin,
        purpose=wish.purpose,
        facts={"holder": wish.holder, "profile": profile, "tbs": facts.tbs_hash.hex(), "use": str(use)},
    )
    activity.record(conn, act)


def known_authorities(conn: Connection) -> frozenset[str]:
    """Names of the authorities that were entered."""
    return frozenset(store.authorities(conn))


def is_issued(conn: Connection, certificate_hash: bytes) -> bool:
    """Whether the register has this certificate."""
    return store.by_hash(conn, certificate_hash) is not None


def recover(conn: Connection, at: datetime) -> int:
    """Void what was begun and never finished: its serial number goes onto the next list. How many there were."""
    lost = store.lost_intents(conn, at - LOST_AFTER)
    for issuance in lost:
        _void(conn, issuance, at)
    return len(lost)


def _void(conn: Connection, issuance: Issuance, at: datetime) -> None:
    store.void(conn, issuance.issuance_id, at)
    act = Act(
        at=at,
        actor="process:pki",
        verb="pki.void",
        object=f"certificate:{issuance.authority}/{issuance.serial:x}",
        for_whom=issuance.tin,
        purpose="it was begun and never finished",
        facts={"holder": issuance.holder, "tbs": issuance.tbs_hash.hex()},
    )
    activity.record(conn, act)


def block_key(conn: Connection, key_hash: bytes, why: str, by: str, at: datetime) -> bool:
    """Let nobody have this key (SHA-256 of SubjectPublicKeyInfo) from now on; false when it is listed already."""
    if not store.block_key(conn, key_hash, why, at):
        return False
    activity.record(conn, Act(at=at, actor=by, verb="pki.block", object=f"key:{key_hash.hex()}", purpose=why))
    return True


def _log(conn: Connection, verb: str, name: str, prepared: Prepared, wish: Wish, at: datetime, use: int) -> None:
    facts = {
        "holder": wish.holder,
        "profile": prepared.profile.name,
        "tbs": prepared.tbs_hash.hex(),
        "use": str(use),
    }
    act = Act(
        at=at,
        actor=wish.requested_by,
        verb=verb,
        object=f"certificate:{name}/{prepared.serial:x}",
        for_whom=wish.tin,
        purpose=wish.purpose,
        facts=facts,
    )
    activity.record(conn, act)
