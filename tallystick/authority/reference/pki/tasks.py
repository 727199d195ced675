"""Background work: every certificate and every list gets its entry in the ledger."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tallystick.authority.reference.pki import branch_store, key_store, list_store, store
from tallystick.authority.reference.pki.values import Issuance, KeptList, KeptTrustList, Reason, Withdrawal
from tallystick.authority.room_queries import Connection
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms

CERTIFICATE_MEDIA_TYPE = "application/vnd.tallystick.certificate+json"
WITHDRAWAL_MEDIA_TYPE = "application/vnd.tallystick.authority-withdrawal+json"
TRUST_LIST_MEDIA_TYPE = "application/vnd.tallystick.trust-list+json"
LIST_MEDIA_TYPE = "application/vnd.tallystick.revocation-list+json"
_BATCH = 256

About = Issuance | KeptList | KeptTrustList | Withdrawal
Append = Callable[[bytes, str, About], int]
"""Books a body of a media type for what it is about; the index, the first one where the same was booked before."""


def certificate_body(issuance: Issuance) -> bytes:
    """An issued certificate as the ledger keeps it: RFC 8785 JSON, text only, the same bytes whenever it is written."""
    digest = issuance.certificate_hash
    assert digest is not None, "only issued certificates are published"
    return msgspec.json.encode(
        {
            "authority": issuance.authority,
            "certificateHash": digest.hex(),
            "holder": issuance.holder,
            "keyHash": issuance.key_hash.hex(),
            "notAfter": str(unix_ms(issuance.not_after)),
            "notBefore": str(unix_ms(issuance.not_before)),
            "profile": issuance.profile,
            "serial": f"{issuance.serial:x}",
            "tin": issuance.tin,
            "type": "certificate",
        },
        order="sorted",
    )


def list_body(kept: KeptList) -> bytes:
    """A revocation list as the ledger keeps it."""
    return msgspec.json.encode(
        {
            "authority": kept.authority,
            "listHash": sha256(kept.der).hex(),
            "nextUpdate": str(unix_ms(kept.next_update)),
            "number": str(kept.number),
            "revoked": str(kept.revoked),
            "thisUpdate": str(unix_ms(kept.this_update)),
            "type": "revocation-list",
        },
        order="sorted",
    )


def trust_list_body(kept: KeptTrustList) -> bytes:
    """A trust list as the ledger keeps it."""
    return msgspec.json.encode(
        {
            "issuedAt": str(unix_ms(kept.issued_at)),
            "listHash": sha256(kept.text.encode()).hex(),
            "nextUpdate": str(unix_ms(kept.next_update)),
            "number": str(kept.number),
            "type": "trust-list",
        },
        order="sorted",
    )


def withdrawal_body(withdrawn: Withdrawal, certificate: bytes) -> bytes:
    """That an authority is withdrawn, as the ledger keeps it."""
    return msgspec.json.encode(
        {
            "authority": withdrawn.authority,
            "certificateHash": sha256(certificate).hex(),
            "reason": Reason(withdrawn.reason).word,
            "since": str(unix_ms(withdrawn.since)),
            "type": "authority-withdrawal",
        },
        order="sorted",
    )


def publish(conn: Connection, append: Append) -> int:
    """Hand what is not in the ledger yet to ``append`` and note the index; how many that were.

    A crash between the two steps repeats the first, which is told by its bytes.
    """
    published = 0
    for issuance in store.unpublished(conn, _BATCH):
        conn.commit()
        index = append(certificate_body(issuance), CERTIFICATE_MEDIA_TYPE, issuance)
        published += store.set_ledger_index(conn, issuance.issuance_id, index)
    for kept in key_store.unpublished_lists(conn, _BATCH):
        conn.commit()
        index = append(list_body(kept), LIST_MEDIA_TYPE, kept)
        published += key_store.set_list_index(conn, kept.authority, kept.number, index)
    for listed in list_store.unpublished_trust_lists(conn, _BATCH):
        conn.commit()
        index = append(trust_list_body(listed), TRUST_LIST_MEDIA_TYPE, listed)
        published += list_store.set_trust_list_index(conn, listed.number, index)
    published += _publish_withdrawals(conn, append)
    conn.commit()
    return published


def _publish_withdrawals(conn: Connection, append: Append) -> int:
    published, known = 0, store.authorities(conn)
    for name, withdrawn in branch_store.withdrawals(conn).items():
        if withdrawn.ledger_index is None:
            conn.commit()
            index = append(withdrawal_body(withdrawn, known[name]), WITHDRAWAL_MEDIA_TYPE, withdrawn)
            published += branch_store.set_withdrawal_index(conn, name, index)
    return published
