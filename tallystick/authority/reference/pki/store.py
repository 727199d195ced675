"""The only SQL of the PKI: one function a query, values in and out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallystick.authority.reference.pki.values import (
    EnrolmentCode,
    Issuance,
    IssuanceState,
    Wish,
)
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.crypto.certificate_facts import CertificateFacts, read_facts
from tallystick.crypto.issuing import Prepared
from tallystick.kernel.hashing import sha256

_SQL = RoomQueries("tallystick.authority.reference.pki")


def serial_bytes(serial: int) -> bytes:
    """A serial number as its key in the tables: big-endian, without leading zeros."""
    return serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big")


def _issuance(row: Row) -> Issuance:
    (number, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash) = row[:10]
    (not_before, not_after, state, begun_at, certificate, digest, ledger_index) = row[10:]
    return Issuance(
        issuance_id=number,
        authority=authority,
        profile=profile,
        serial=int.from_bytes(serial, "big"),
        holder=holder,
        tin=tin,
        requested_by=requested_by,
        purpose=purpose,
        tbs_hash=tbs_hash,
        key_hash=key_hash,
        not_before=not_before,
        not_after=not_after,
        state=IssuanceState(state),
        begun_at=begun_at,
        certificate=certificate,
        certificate_hash=digest,
        ledger_index=ledger_index,
    )


def enter_authority(conn: Connection, name: str, facts: CertificateFacts, at: datetime) -> bool:
    """Insert; false when the name, the certificate or the key is there already."""
    return bool(
        _SQL.run(
            conn,
            "enter_authority",
            name=name,
            certificate=facts.der,
            certificate_hash=facts.sha256,
            key_hash=facts.key_hash,
            not_before=facts.not_before,
            not_after=facts.not_after,
            at=at,
        )
    )


def issued_of_profile(conn: Connection, profile: str) -> list[bytes]:
    """Certificates (DER) of a profile, oldest first."""
    return [bytes(row[0]) for row in _SQL.rows(conn, "issued_of_profile", profile=profile)]


def authorities(conn: Connection) -> dict[str, bytes]:
    """Certificates (DER) by name."""
    return {name: certificate for name, certificate, _ in _SQL.rows(conn, "authorities")}


def claim_key(conn: Connection, key_hash: bytes, holder: str, at: datetime) -> str:
    """The holder of a key: the given one, if nobody had it before."""
    _SQL.run(conn, "claim_key", key_hash=key_hash, holder=holder, at=at)
    return str(_SQL.value(conn, "key_holder", key_hash=key_hash))


def is_certified(conn: Connection, key_hash: bytes, holder: str) -> bool:
    """Whether a certificate was issued to the holder for this key; an attempt that failed is none."""
    return bool(_SQL.value(conn, "is_certified", key_hash=key_hash, holder=holder))


def is_blocked(conn: Connection, key_hash: bytes) -> bool:
    """Whether the key is on the list of keys that nobody may have."""
    return bool(_SQL.value(conn, "is_blocked", key_hash=key_hash))


def block_key(conn: Connection, key_hash: bytes, why: str, at: datetime) -> bool:
    """Put a key on that list; false when it is there."""
    return bool(_SQL.run(conn, "block_key", key_hash=key_hash, why=why, at=at))


def hold_request(conn: Connection, request_hash: bytes) -> None:
    """Let nobody else work on the same request, until `release_request` or the end of the connection."""
    _SQL.rows(conn, "hold_request", request=request_hash.hex())


def release_request(conn: Connection, request_hash: bytes) -> None:
    """Let others go on."""
    _SQL.rows(conn, "release_request", request=request_hash.hex())


def begin(conn: Connection, authority: str, prepared: Prepared, wish: Wish, at: datetime) -> int | None:
    """Write an intent; none when the same request, or the serial number, is there already."""
    row = _SQL.row(
        conn,
        "begin",
        authority=authority,
        profile=prepared.profile.name,
        serial=serial_bytes(prepared.serial),
        request_hash=wish.request_hash(prepared.profile.name),
        tbs_hash=prepared.tbs_hash,
        key_hash=prepared.public_key.fingerprint,
        holder=wish.holder,
        tin=wish.tin,
        requested_by=wish.requested_by,
        purpose=wish.purpose,
        not_before=prepared.not_before,
        not_after=prepared.not_after,
        at=at,
    )
    return None if row is None else int(row[0])


def begin_known(
    conn: Connection, authority: str, profile: str, facts: CertificateFacts, wish: Wish, at: datetime
) -> int | None:
    """The same for a certificate that exists already."""
    row = _SQL.row(
        conn,
        "begin",
        authority=authority,
        profile=profile,
        serial=serial_bytes(facts.serial),
        request_hash=wish.request_hash(profile),
        tbs_hash=facts.tbs_hash,
        key_hash=facts.key_hash,
        holder=wish.holder,
        tin=wish.tin,
        requested_by=wish.requested_by,
        purpose=wish.purpose,
        not_before=facts.not_before,
        not_after=facts.not_after,
        at=at,
    )
    return None if row is None else int(row[0])


def finish(conn: Connection, issuance_id: int, certificate: bytes, at: datetime) -> bool:
    """Turn an intent into a certificate; false when it is none any more."""
    digest, subject = sha256(certificate), read_facts(certificate).subject.replace("\0", "")
    values = {"certificate": certificate, "certificate_hash": digest, "subject": subject, "at": at}
    return bool(_SQL.run(conn, "finish", issuance_id=issuance_id, **values))


def void(conn: Connection, issuance_id: int, at: datetime) -> bool:
    """End an intent for good; false when it is none any more."""
    return bool(_SQL.run(conn, "void", issuance_id=issuance_id, at=at))


def lost_intents(conn: Connection, before: datetime) -> list[Issuance]:
    """Intents older than a moment, held until the transaction ends."""
    return [_issuance(row) for row in _SQL.rows(conn, "lost_intents", before=before)]


def by_request(conn: Connection, request_hash: bytes) -> Issuance | None:
    """What the same request led to, void ones left out."""
    return _one(_SQL.row(conn, "by_request", request_hash=request_hash))


def by_hash(conn: Connection, certificate_hash: bytes) -> Issuance | None:
    """By the SHA-256 of a certificate."""
    return _one(_SQL.row(conn, "by_hash", certificate_hash=certificate_hash))


def by_serial(conn: Connection, authority: str, serial: int) -> Issuance | None:
    """By authority and serial number."""
    return _one(_SQL.row(conn, "by_serial", authority=authority, serial=serial_bytes(serial)))


def _one(row: Row | None) -> Issuance | None:
    return None if row is None else _issuance(row)


def newest(conn: Connection, *, holder: str, tin: str, authority: str, limit: int) -> list[Issuance]:
    """Newest first; an empty text asks for all."""
    rows = _SQL.rows(conn, "newest", holder=holder, tin=tin, authority=authority, limit=limit)
    return [_issuance(row) for row in rows]


def search(
    conn: Connection, words: str, *, serial: int | None, digest: bytes, holders: Sequence[str], limit: int
) -> list[Issuance]:
    """Newest first: by serial number, SHA-256, holder, taxpayer, or words of the name."""
    number = b"" if serial is None else serial_bytes(serial)
    values = {"words": words, "serial": number, "digest": digest, "holders": list(holders), "limit": limit}
    return [_issuance(row) for row in _SQL.rows(conn, "search", **values)]


def live_of(conn: Connection, *, authority: str, tin: str, profile: str, at: datetime) -> list[Issuance]:
    """Issued and not expired; an empty text asks for all."""
    return [_issuance(row) for row in _SQL.rows(conn, "live_of", authority=authority, tin=tin, profile=profile, at=at)]


def listed(conn: Connection, authority: str, hashes: Sequence[bytes], ended_after: datetime) -> list[tuple[int, bytes]]:
    """Serial number and hash of those of an authority's certificates that have one of the hashes."""
    rows = _SQL.rows(conn, "listed", authority=authority, hashes=list(hashes), ended_after=ended_after)
    return [(int.from_bytes(serial, "big"), digest) for serial, digest in rows]


def void_serials(conn: Connection, authority: str, ended_after: datetime) -> list[tuple[int, datetime]]:
    """Serial numbers that were begun and never finished, and since when they are void."""
    rows = _SQL.rows(conn, "void_serials", authority=authority, ended_after=ended_after)
    return [(int.from_bytes(serial, "big"), at) for serial, at in rows]


def counts(conn: Connection) -> list[tuple[str, str, str, int]]:
    """Authority, profile, state, how many."""
    return [(authority, profile, state, int(count)) for authority, profile, state, count in _SQL.rows(conn, "counts")]


def unpublished(conn: Connection, most: int) -> list[Issuance]:
    """Issued, and not in the ledger yet."""
    return [_issuance(row) for row in _SQL.rows(conn, "unpublished", most=most)]


def set_ledger_index(conn: Connection, issuance_id: int, index: int) -> bool:
    """Note where the ledger has it, once."""
    return bool(_SQL.run(conn, "set_ledger_index", issuance_id=issuance_id, ledger_index=index))


def add_code(
    conn: Connection,
    code_hash: bytes,
    device: str,
    device_class: int,
    by: str,
    at: datetime,
    expires_at: datetime,
    key_hash: bytes,
) -> None:
    """Keep a code, for one key where its hash is given; whatever the device had before ends."""
    _SQL.run(conn, "end_codes", device=device, at=at)
    _SQL.run(
        conn,
        "add_code",
        code_hash=code_hash,
        device=device,
        device_class=device_class,
        issued_by=by,
        at=at,
        expires_at=expires_at,
        key_hash=key_hash or None,
    )


def lock_code(conn: Connection, code_hash: bytes) -> EnrolmentCode | None:
    """One, held until the transaction ends."""
    row = _SQL.row(conn, "lock_code", code_hash=code_hash)
    if row is None:
        return None
    device, device_class, expires_at, ended_at, used_for, key_hash = row
    return EnrolmentCode(
        device=device,
        device_class=device_class,
        expires_at=expires_at,
        ended_at=ended_at,
        used_for=used_for,
        key_hash=key_hash,
    )


def use_code(conn: Connection, code_hash: bytes, used_for: bytes, at: datetime) -> bool:
    """End it for a request; false when it has ended."""
    return bool(_SQL.run(conn, "use_code", code_hash=code_hash, used_for=used_for, at=at))
