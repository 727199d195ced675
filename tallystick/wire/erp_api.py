"""What the ERP channel answers beyond the online channel: verdicts of a bulk, and the feed with its cursor.

A bulk is one compact JWS a line; its verdicts come one JSON object a line, in the same order. An answer inside a
verdict or an event is, byte for byte, what the document is told on its own. Every value is text, members in the order
of RFC 8785.
"""

from __future__ import annotations

import struct

import attrs
import msgspec

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.ecr_api import Answered

PREFIX = "/erp/v1/"
DOCUMENTS_PATH = f"{PREFIX}documents"
BULK_PATH = f"{PREFIX}bulk"
FEED_PATH = f"{PREFIX}feed"
WEBHOOKS_PATH = f"{PREFIX}webhooks"
RESUME = "resume"
OPENAPI_PATH = f"{PREFIX}openapi.json"
KEY_HEADER = "Idempotency-Key"
BULK_TYPE = "application/vnd.tallystick.documents"
VERDICTS_TYPE = "application/x-ndjson"

_CURSOR = struct.Struct(">B8sQBI")
_CURSOR_VERSION = 1
_INDEX_MAX = 2**62


class Problem(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why a document of a bulk is not booked; the members mean what they mean in a problem (RFC 9457)."""

    code: str
    detail: str = ""
    expected: dict[str, str] = msgspec.field(default_factory=dict)
    fields: tuple[dict[str, str], ...] = ()
    retry: str
    retry_after_seconds: str = ""
    title: str


class Verdict(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one line of a bulk, counted from 1.

    ``state`` is ``booked``, ``repeated`` (it was booked before; the answer is the first one), ``refused``,
    ``unsettled`` (ask again with the same bytes: it may be booked, or not) or ``not-tried`` (an earlier line was not
    booked).
    """

    answer: msgspec.Raw = msgspec.Raw()
    line: str
    problem: Problem | None = None
    state: str


class TaxState(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How a document stands on its way to the tax service at the moment of reading."""

    at: str = ""
    code: str = ""
    reason: str = ""
    state: str


class FeedEvent(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of a document of the connection.

    ``type`` is ``booked``, ``flagged`` (booked, and the answer's ``flags`` say with what), ``erased`` (booked, and its
    text is gone by law) or ``refunded``: then ``number`` is the document's, ``by`` the refund's and ``amount`` what it
    took. ``index`` is the place in the ledger of what happened, ``id`` the event's own name.
    """

    amount: str = ""
    answer: msgspec.Raw = msgspec.Raw()
    at: str
    by: str = ""
    id: str
    index: str
    number: str
    tax_service: TaxState | None = None
    type: str


class FeedPage(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Events in the order of the ledger. ``next`` is where to read on, also after an empty page."""

    events: tuple[FeedEvent, ...]
    next: str


class Webhook(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A webhook for its owner: ``state`` is ``active`` or ``stopped``.

    ``after`` is the feed's cursor behind what was taken; while a message is not, ``tries`` counts, ``trouble`` says why
    and ``next_at`` when it is tried again. ``secret`` is shown when it is registered, and never again.
    """

    after: str
    delivered_at: str = ""
    id: str
    made_at: str
    next_at: str = ""
    secret: str = ""
    state: str
    tries: str = ""
    trouble: str = ""
    url: str


class WebhookList(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Those of a connection."""

    webhooks: tuple[Webhook, ...]


@attrs.frozen(slots=True, order=True)
class Cursor:
    """Behind which event somebody has read: ``index`` and ``rank`` of it, and the last own document's sequence."""

    index: int = -1
    rank: int = 0
    sequence: int = 0


def write_cursor(cursor: Cursor, uid: str) -> str:
    """Its text; readers must not look into it. It names the connection whose feed it is of."""
    packed = _CURSOR.pack(_CURSOR_VERSION, uid.encode("ascii"), cursor.index + 1, cursor.rank, cursor.sequence)
    return write_base64url(packed).decode("ascii")


def read_cursor(text: str, uid: str) -> Cursor:
    """Undo `write_cursor`, an empty text being the beginning; raises ``TS-3293``, for another connection's as well."""
    if not text:
        return Cursor()
    try:
        version, owner, index, rank, sequence = _CURSOR.unpack(read_base64url(text.encode("latin-1", "replace")))
    except (Fault, struct.error):
        raise _unknown() from None
    if version != _CURSOR_VERSION or owner != uid.encode("ascii") or index > _INDEX_MAX or rank > 1:
        raise _unknown()
    return Cursor(index - 1, rank, sequence)


def _unknown() -> Fault:
    return Fault("TS-3293", detail="a cursor is taken over as it was given", fields=(FieldFault("/after", "5"),))
