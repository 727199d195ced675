"""The trust list as the PKI publishes it: made anew when what it says has changed, and once a day; its number rises."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.pki import key_store, list_store
from tallystick.authority.reference.pki.values import KeptTrustList
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.signers import Signer, check_signature
from tallystick.crypto.trust_lists import jws_signature
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.wire.compact_jws import assemble
from tallystick.wire.trust_list import TrustList, read_der, unsigned

EVERY = timedelta(hours=24)
VALID_FOR = timedelta(days=7)
_ACTOR = "process:pki"


def facts_hash(content: TrustList) -> bytes:
    """What tells whether a list says anything new: its SHA-256 without number and moments."""
    bare = msgspec.structs.replace(content, number="", issuedAt="", nextUpdate="")
    return sha256(msgspec.json.encode(bare, order="sorted"))


def is_due(conn: Connection, content: TrustList, at: datetime) -> bool:
    """Whether the newest list is a day old, or says something else."""
    newest = list_store.newest_trust_list(conn)
    return newest is None or newest.facts_hash != facts_hash(content) or at - newest.issued_at >= EVERY


def make(conn: Connection, content: TrustList, signer: Signer, at: datetime) -> KeptTrustList:
    """Sign and publish a list with this content and the next number; commits in between.

    Raises ``TS-5004`` when the key is away: the same number is tried again.
    """
    list_store.hold_trust_lists(conn)
    newest = list_store.newest_trust_list(conn)
    number = 1 if newest is None else newest.number + 1
    at = at.replace(microsecond=0)
    whole = msgspec.structs.replace(
        content, number=str(number), issuedAt=str(unix_ms(at)), nextUpdate=str(unix_ms(at + VALID_FOR))
    )
    signed = unsigned(whole, sha256)
    kept = KeptTrustList(
        number=number,
        facts_hash=facts_hash(content),
        issued_at=at,
        next_update=at + VALID_FOR,
        digest=sha256(signed),
        text="",
        ledger_index=None,
    )
    if not list_store.begin_trust_list(conn, kept):
        raise Fault("TS-3027", detail=f"trust list {number} was published meanwhile")
    key_hash = read_facts(read_der(whole.signer)).key_hash
    use = key_store.begin_use(conn, key_hash, "trust-list", kept.digest, _ACTOR, at)
    conn.commit()
    signature = signer.sign(signed)
    check_signature(signer.public, signed, signature)
    text = assemble(signed, jws_signature(signature)).decode("ascii")
    if not list_store.finish_trust_list(conn, number, kept.digest, text):
        raise Fault("TS-3027", detail=f"trust list {number} was published meanwhile")
    key_store.end_use(conn, use, at)
    facts = {"number": str(number), "digest": kept.digest.hex(), "use": str(use)}
    activity.record(conn, Act(at=at, actor=_ACTOR, verb="pki.trust-list", object=f"trust-list/{number}", facts=facts))
    conn.commit()
    made = list_store.newest_trust_list(conn)
    assert made is not None, "it was published just now"
    return made
