"""Tells webhooks what the feed has for them: in order, each message until it is taken, noted before it is sent.

One message of a webhook is under way at a time, and it is the same at every try: same id, same events. After a crash it
is sent again, so a receiver may get it twice, and never in another order. A receiver that does not take it for hours
stops its webhook and nobody else's; its owner resumes it, with that message first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs

from tallystick.authority.channels.ecr.answers import Answers
from tallystick.authority.channels.erp import store
from tallystick.authority.channels.erp.feed import read_on
from tallystick.authority.channels.erp.webhooks import Webhooks, signature
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import Clock
from tallystick.kit.http_call import Away, Reply, call
from tallystick.wire.ecr_api import write_answer
from tallystick.wire.erp_api import FeedPage, read_cursor

log = logging.getLogger(__name__)

EVENTS_OF_A_MESSAGE = 50
TRIES_MOST = 16
"""About seven hours and a half."""
ANSWER_BYTES_MAX = 16 * 1024
_AT_ONCE = 16
_LOOKED_AT = 200
_ANSWER_SECONDS = 10.0
_IDLE = timedelta(seconds=1)
_GONE = 410
_REPLACED = 4
"""The CRL reason of a certificate that only a newer one has replaced."""

Post = Callable[[str, bytes, Mapping[str, str]], Reply]
"""One call to a receiver; raises ``Away``."""


def back_off(tries: int) -> timedelta:
    """How long to wait after so many tries: 10 seconds, doubling, an hour at most."""
    return timedelta(seconds=min(3600, 5 * 2 ** min(tries, 20)))


@attrs.frozen(slots=True)
class _Message:
    webhook: store.Webhook
    name: str
    tries: int
    body: bytes


@attrs.frozen(slots=True)
class _Outcome:
    """``trouble`` is empty for a message that was taken."""

    trouble: str = ""
    gone: bool = False


class WebhookSender:
    """Sends on threads of its own; `close` ends them."""

    def __init__(self, webhooks: Webhooks, answers: Answers, clock: Clock, post: Post | None = None) -> None:
        self._webhooks = webhooks
        self._answers = answers
        self._clock = clock
        self._post = post or self._call
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")

    def close(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown(cancel_futures=True)

    def round(self, conn: Connection) -> int:
        """Send each due webhook one message, and note what became of it; how many were taken."""
        messages: list[_Message] = []
        for webhook in store.due_webhooks(conn, self._clock(), _LOOKED_AT):
            message = self._prepare(conn, webhook)
            if message is not None:
                messages.append(message)
            if len(messages) == _AT_ONCE:
                break
        conn.commit()  # the intent is durable, and nobody's row is held while receivers think
        outcomes = self._threads.map(self._send, messages)
        taken = 0
        for message, outcome in zip(messages, outcomes, strict=True):
            self._note(conn, message, outcome)
            conn.commit()
            taken += not outcome.trouble
        return taken

    def _prepare(self, conn: Connection, webhook: store.Webhook) -> _Message | None:
        """The next message, noted as being sent; none where there is nothing to tell, or nobody to tell it to."""
        at = self._clock()
        revoked = registry.revocation(conn, webhook.certificate_hash)
        if revoked is not None and revoked.lifted_at is None and revoked.reason != _REPLACED:
            store.stop_webhook(conn, webhook.webhook_id, "the certificate of the connection is revoked")
            return None
        page = self._page(conn, webhook)
        if not page.events:
            store.rest_webhook(conn, webhook.webhook_id, at + _IDLE)
            return None
        name = webhook.message or f"{webhook.webhook_id}-{page.events[0].id}"
        tries = webhook.tries + 1
        store.intend_sending(conn, webhook.webhook_id, page.next, name, tries, at + back_off(tries))
        return _Message(webhook, name, tries, write_answer(page))

    def _page(self, conn: Connection, webhook: store.Webhook) -> FeedPage:
        up_to = read_cursor(webhook.sending_to, webhook.uid) if webhook.sending_to else None
        after = read_cursor(webhook.read_to, webhook.uid)
        return read_on(conn, self._answers, webhook.uid, after, EVENTS_OF_A_MESSAGE, up_to=up_to)

    def _send(self, message: _Message) -> _Outcome:
        webhook, timestamp = message.webhook, int(self._clock().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "tallystick",
            "Webhook-Id": message.name,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": signature(
                self._webhooks.secret_of(webhook), message.name, timestamp, message.body
            ),
        }  # fmt: skip
        try:
            reply = self._post(webhook.url, message.body, headers)
        except Away as error:
            return _Outcome(str(error)[:200])
        if 200 <= reply.status < 300:
            return _Outcome()
        return _Outcome(f"the receiver answered with status {reply.status}", reply.status == _GONE)

    def _call(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """No redirect is followed, and no address is reached that the policy does not allow."""
        return call(
            url,
            method="POST",
            body=body,
            headers=headers,
            timeout_seconds=_ANSWER_SECONDS,
            most_bytes=ANSWER_BYTES_MAX,
            may_reach=self._webhooks.policy.may_reach,
        )

    def _note(self, conn: Connection, message: _Message, outcome: _Outcome) -> None:
        number = message.webhook.webhook_id
        if not outcome.trouble:
            store.webhook_told(conn, number, message.name, self._clock())
        elif outcome.gone or message.tries >= TRIES_MOST:
            log.warning("webhook %d is stopped: %s", number, outcome.trouble)
            store.stop_webhook(conn, number, outcome.trouble)
        else:
            store.webhook_trouble(conn, number, message.name, outcome.trouble)
