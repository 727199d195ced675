"""Keys that an ERP gives to its acts (``Idempotency-Key``): one names one act, after a restart as well.

The ERP signs again with the same key when it lost what it had signed; then it must learn that the act was booked, and
nothing may be booked twice. Noted before the document goes on, so that a crash leaves the key and never the act alone.
What the key names is the act (the hash of what was signed), and what became of it the ledger says: nothing is kept
twice. There are no more keys than documents that were booked or are in work, but for refusals of the last minutes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from tallystick.authority.channels.erp import store
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import SignedDocument

KEPT = timedelta(days=7)
"""For so long a key names its act; a document itself is known for ever."""
IN_DOUBT = timedelta(minutes=10)
"""Nothing is in work for so long, and the time window is over: what is not booked by then never will be."""
_KEY = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


def read_key(said: Sequence[bytes]) -> str:
    """The key in a request's headers of that name, empty where there is none; raises ``TS-3292``, for two as well."""
    if not said:
        return ""
    text = said[0].decode("latin-1").strip()
    if len(said) > 1 or _KEY.fullmatch(text) is None:
        raise Fault("TS-3292", detail="a key is 1 to 128 visible characters of ASCII")
    return text


def take(conn: Connection, uid: str, key: str, signed: SignedDocument, at: datetime) -> None:
    """Let the key name this act.

    Raises ``TS-3290`` where it names another one that is booked, ``TS-3291`` while it is not known what becomes of that
    (``TS-5003`` for a moment, before it may be told).
    """
    act, sequence = signed.act_hash, signed.header.sequence
    if store.take_key(conn, uid, key, act, sequence, at, at - KEPT):
        return
    named = store.key_row(conn, uid, key)
    if named is not None and _is_over(conn, uid, named, sequence, at):
        given = store.give_key(conn, uid, key, named.act_hash, act, sequence, at)
        if given:
            return
    raise Fault("TS-3291", detail="the act that has this key is still in work", retry_after_seconds=2)


def _is_over(conn: Connection, uid: str, named: store.KeyRow, sequence: int, at: datetime) -> bool:
    """Whether the act cannot be booked any more, or not beside an act of place ``sequence``.

    Raises ``TS-3290`` where it is booked.

    One that was refused may still be in work as another copy of the same bytes. In its place, or before it, only one of
    both can be booked; what lies behind it rests on something in its place that is not in the ledger yet.
    """
    first = ledger.document_by_number(conn, uid, uid, named.sequence)
    if first is None:
        return (named.let_go and sequence <= named.sequence) or at - named.taken_at > IN_DOUBT
    if first.act_hash != named.act_hash:
        return True
    if not first.acked:
        raise Fault("TS-5003", detail="the document of this key is not confirmed yet", retry_after_seconds=1)
    number = f"{uid}-{uid}-{named.sequence}"
    raise Fault(
        "TS-3290",
        detail=f"the key names {number}, which is booked",
        expected={"number": number, "index": str(first.index)},
    )
