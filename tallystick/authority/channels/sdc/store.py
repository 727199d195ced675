"""The only SQL of this channel: tokens and contacts."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.room_queries import Connection, RoomQueries, Row

_SQL = RoomQueries(__package__)


@attrs.frozen(slots=True)
class TokenRow:
    """A token as it is kept: SHA-256 of its text, whose it is, the certificate's thumbprint, its life.

    ``build_id`` is the certified build that the device proved, empty for none.
    """

    token_hash: bytes
    uid: str
    thumbprint: bytes
    issued_at: datetime
    expires_at: datetime
    build_id: str = ""


def _token(row: Row | None) -> TokenRow | None:
    if row is None:
        return None
    token_hash, uid, thumbprint, issued_at, expires_at, build_id = row
    return TokenRow(bytes(token_hash), uid, bytes(thumbprint), issued_at, expires_at, build_id)


def lock_certificate(conn: Connection, thumbprint: bytes) -> None:
    """Let nobody else issue for this certificate until the transaction ends."""
    _SQL.rows(conn, "lock_certificate", thumbprint=thumbprint)


def token_of_certificate(conn: Connection, thumbprint: bytes) -> TokenRow | None:
    """The last token of a certificate, expired or not."""
    return _token(_SQL.row(conn, "token_of_certificate", thumbprint=thumbprint))


def put_token(conn: Connection, row: TokenRow) -> None:
    """Keep a token in place of the certificate's last one."""
    _SQL.run(
        conn,
        "put_token",
        thumbprint=row.thumbprint,
        token_hash=row.token_hash,
        uid=row.uid,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        build_id=row.build_id,
    )


def token_by_hash(conn: Connection, token_hash: bytes) -> TokenRow | None:
    """By SHA-256 of its text."""
    return _token(_SQL.row(conn, "token_by_hash", token_hash=token_hash))


def put_contact(conn: Connection, uid: str, is_online: bool, at: datetime) -> None:
    """Note when a device last said whether it is online."""
    _SQL.run(conn, "put_contact", uid=uid, is_online=is_online, notified_at=at)


def remove_expired_tokens(conn: Connection, before: datetime) -> int:
    """Delete tokens that expired before a moment; returns how many."""
    return _SQL.run(conn, "remove_expired_tokens", before=before)
