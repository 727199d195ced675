"""Session tokens: a GUID made from the server's key, the certificate and the moment of issue (S2-092).

Nothing secret is stored: the row holds the token's hash, and the token is made again from the row while it lives.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from tallystick.authority.channels.sdc import store
from tallystick.authority.channels.sdc.identity import ClientIdentity
from tallystick.authority.channels.sdc.store import TokenRow
from tallystick.authority.room_queries import Connection
from tallystick.kernel.hashing import hmac_sha256, sha256
from tallystick.kernel.instants import to_milliseconds, unix_ms
from tallystick.kernel.limits import LIMITS
from tallystick.wire.taxcore_api import Token

LIFETIME = timedelta(hours=LIMITS.token_lifetime_hours)
_CACHED_MOST = 100_000


def token_text(server_key: bytes, thumbprint: bytes, issued_at: datetime, build_id: str = "") -> str:
    """The GUID for a certificate, a moment and a build: HMAC-SHA256(server key, all of them), cut to 122 bits."""
    moment = unix_ms(issued_at).to_bytes(8, "big")
    digest = hmac_sha256(server_key, thumbprint + moment + build_id.encode("ascii"))
    return str(UUID(bytes=digest[:16], version=4))


def token_hash(text: bytes) -> bytes | None:
    """SHA-256 of a presented token in its plain spelling; none when it is no GUID."""
    if not 32 <= len(text) <= 64:
        return None
    try:
        return sha256(str(UUID(text.decode("ascii").strip())).encode())
    except ValueError:
        return None


def issue(conn: Connection, server_key: bytes, identity: ClientIdentity, now: datetime, build_id: str = "") -> Token:
    """The certificate's token: the same one while it lives, else a new one for eight hours.

    It ends with the certificate when that is earlier. A changed server key, or another build, makes a new token; so
    does the withdrawal of an authority, which ends those of before.
    """
    store.lock_certificate(conn, identity.thumbprint)
    known = store.token_of_certificate(conn, identity.thumbprint)
    same_build = known is not None and known.build_id == build_id
    if known is not None and same_build and identity.tokens_ended_at < known.issued_at <= now < known.expires_at:
        text = token_text(server_key, identity.thumbprint, known.issued_at, build_id)
        if sha256(text.encode()) == known.token_hash:
            return Token(text, known.expires_at)
    issued_at = to_milliseconds(now)
    text = token_text(server_key, identity.thumbprint, issued_at, build_id)
    expires_at = min(issued_at + LIFETIME, identity.not_after)
    row = TokenRow(sha256(text.encode()), identity.uid, identity.thumbprint, issued_at, expires_at, build_id)
    store.put_token(conn, row)
    return Token(text, expires_at)


class TokenCache:
    """Tokens that were used lately, by the text that the device sent. A row never changes while its token lives."""

    def __init__(self) -> None:
        self._rows: dict[bytes, TokenRow] = {}

    def get(self, text: bytes) -> TokenRow | None:
        """The row, if it is here."""
        return self._rows.get(text)

    def put(self, text: bytes, row: TokenRow) -> None:
        """Keep a row; the oldest gives way."""
        if len(self._rows) >= _CACHED_MOST:
            self._rows.pop(next(iter(self._rows)))
        self._rows[text] = row

    def drop(self, text: bytes) -> None:
        """Forget a row, for its token has expired."""
        self._rows.pop(text, None)
