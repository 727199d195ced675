"""Webhooks of a connection: registered with an address, told the events of its feed, signed with a secret of their own.

HMAC-SHA256 with a secret for each, in the form of the Standard Webhooks specification, and not a signature by the
operator's key (RFC 9421): a receiver checks it with a few lines of any language, no key of the operator has to serve
the network for each delivery, and nothing has to be proved to others: whatever a webhook says stands in the ledger,
with its own proof. The secret is shown once. It is derived from what the operator keeps in a file and from a salt in
the database, so that the database alone does not tell it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

import attrs

from tallystick.authority.channels.erp import store
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.hashing import hmac_sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kit.public_address import is_loopback, is_public
from tallystick.wire.document_jws import write_time
from tallystick.wire.erp_api import Webhook, read_cursor, write_cursor
from tallystick.wire.strict_json import parse

MOST_OF_A_CONNECTION = 3
BODY_BYTES_MAX = 4 * 1024
SALT_BYTES = 16
_URL = re.compile(r"[!-~]{1,500}", re.ASCII)
_NAME = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)


@attrs.frozen(slots=True)
class WebhookPolicy:
    """Where webhooks may lead. ``loopback`` lets them lead to this machine as well, for tests: never in production."""

    loopback: bool = False

    def may_reach(self, address: str) -> bool:
        """Asked about the very address that is connected to."""
        return is_public(address) or (self.loopback and is_loopback(address))

    def check(self, url: str) -> None:
        """Raises ``TS-3295`` for an address that is none, or that could lead to no public one."""
        try:
            parts = urlsplit(url) if _URL.fullmatch(url) else None
            wrong = parts is None or not self._is_fine(parts)
        except ValueError:
            wrong = True
        if wrong:
            fields = (FieldFault("/url", "5"),)
            raise Fault("TS-3295", detail="https://NAME/PATH with a public name is taken", fields=fields)

    def _is_fine(self, parts: SplitResult) -> bool:
        host = parts.hostname or ""
        if parts.username is not None or parts.password is not None or parts.fragment or parts.port == 0:
            return False
        if self.loopback and is_loopback(host):
            return parts.scheme in ("http", "https")
        return parts.scheme == "https" and _NAME.fullmatch(host) is not None


@attrs.frozen(slots=True, kw_only=True)
class Webhooks:
    """``secret`` is the operator's own (32 random bytes, kept across restarts, never in the database)."""

    secret: Callable[[], bytes] = attrs.field(repr=False)
    random: Callable[[int], bytes]
    policy: WebhookPolicy = WebhookPolicy()

    def register(self, conn: Connection, sender: Sender, body: bytes, at: datetime) -> Webhook:
        """A new one, with its secret. Raises ``TS-121x``, ``TS-1220``, ``TS-3293``, ``TS-3295``, ``TS-3296``."""
        url, after = _read_wish(body, sender.uid)
        self.policy.check(url)
        store.lock_webhooks(conn, sender.uid)
        if len(store.webhooks(conn, sender.uid)) >= MOST_OF_A_CONNECTION:
            raise Fault("TS-3296", detail=f"a connection has {MOST_OF_A_CONNECTION} webhooks at most")
        salt = self.random(SALT_BYTES)
        made = store.add_webhook(conn, sender.uid, sender.certificate_hash, url, salt, after, at)
        return as_told(made, secret=f"whsec_{b64encode(self.secret_of(made)).decode('ascii')}")

    def secret_of(self, webhook: store.Webhook) -> bytes:
        """What it is signed with."""
        return hmac_sha256(self.secret(), b"webhook\0" + webhook.uid.encode() + b"\0" + webhook.salt)


def as_told(one: store.Webhook, *, secret: str = "") -> Webhook:
    """For its owner."""
    return Webhook(
        after=one.read_to,
        delivered_at=_time(one.delivered_at),
        id=str(one.webhook_id),
        made_at=_time(one.made_at),
        next_at=_time(one.next_at) if one.tries else "",
        secret=secret,
        state=one.state,
        tries=str(one.tries) if one.tries else "",
        trouble=one.trouble,
        url=one.url,
    )


def signature(secret: bytes, message: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: HMAC-SHA256 over id, time (Unix seconds) and body, with dots between."""
    made = hmac_sha256(secret, f"{message}.{timestamp}.".encode() + body)
    return f"v1,{b64encode(made).decode('ascii')}"


def _time(moment: datetime | None) -> str:
    return "" if moment is None else write_time(unix_ms(moment))


def _read_wish(body: bytes, uid: str) -> tuple[str, str]:
    """``{"url": address, "after": cursor}``, the latter the beginning of the feed where it is left out."""
    said = parse(body, max_bytes=BODY_BYTES_MAX)
    if not isinstance(said, dict) or set(said) - {"url", "after"}:
        raise Fault("TS-1220", detail="an object with url and after", fields=(FieldFault("/", "5"),))
    url, after = said.get("url"), said.get("after", "")
    if not isinstance(url, str) or not isinstance(after, str):
        raise Fault("TS-1220", detail="url and after are texts", fields=(FieldFault("/url", "5"),))
    return url, write_cursor(read_cursor(after, uid), uid)
