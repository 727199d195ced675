"""The end of an act whose key is gone: its number counts as used, and the ledger says so; nothing is signed any more.

Whether a signature was made and lost on its way cannot be known, for the key store keeps no list of what it signed. So
every such number is recorded as *signed without result*: no answer left, and the sale that the POS repeats gets another
number from another element. The pair ends with the number, which therefore is never given out again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import attrs
import msgspec

from tallystick.authority.channels.vsdc import store
from tallystick.authority.channels.vsdc.values import Act, OpenAct
from tallystick.authority.ledger.entry import Booked, Channel, EntryKind, NewEntry
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act as LoggedAct
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.authority.room_queries import Connection
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms

log = logging.getLogger(__name__)

OUTCOME = "signed without result"
VOID_MEDIA_TYPE = "application/vnd.tallystick.void+json"
ON_ITS_WAY_SECONDS = 40.0
"""Longer than a signature can be on its way: 8 s from the key, 20 s to the ledger. Later nobody has it any more."""
_WORDS_MOST = 200


class VoidRefused(Exception):
    """The act cannot be voided; the message says why."""


@attrs.frozen(slots=True, kw_only=True)
class Means:
    """What voiding needs of others.

    ``lacks_key`` asks the signing process whether the store can be read and has no key of a label (raises ``TS-5004``
    when that cannot be said); ``append`` books an entry behind the gate; ``wait`` sleeps for seconds.
    """

    lacks_key: Callable[[str], bool]
    append: Callable[[NewEntry], Booked]
    wait: Callable[[float], None]
    clock: Callable[[], datetime]


def void_act(conn: Connection, means: Means, requested_by: str, signed_by: str, *, by: str, reason: str) -> int:
    """Void the open act of a pair, for good; the index of the ledger's entry. ``conn`` is in autocommit.

    It may be run again after any failure. Raises `VoidRefused` and faults ``TS-50xx``.
    """
    if not (0 < len(by.strip()) <= _WORDS_MOST and 0 < len(reason.strip()) <= _WORDS_MOST):
        raise VoidRefused(f"say who does this and why, in at most {_WORDS_MOST} characters each")
    act = _open_act(conn, requested_by, signed_by)
    label = _label_of_ended(conn, signed_by)
    for waited in (False, True):
        if not means.lacks_key(label):
            raise VoidRefused("the signing process has the key, so the act comes to its end by itself")
        if not waited:
            means.wait(ON_ITS_WAY_SECONDS)
    if _open_act(conn, requested_by, signed_by) != act:
        raise VoidRefused("the pair went on meanwhile")
    now = means.clock()
    booked = means.append(_entry(conn, act, now, by.strip(), reason.strip()))
    with conn.transaction():
        if not store.void_pair(conn, act, now, booked.index):
            raise VoidRefused("the ledger has the document: it stands, and nothing is voided")
        store.forget_number(conn, act)
        facts = {"entry": str(booked.index), "number": str(act.total_counter), "signed_by": signed_by}
        actor, thing, why = f"person:{by.strip()}", act.requested_by, reason.strip()
        activity.record(conn, LoggedAct(at=now, actor=actor, verb="vsdc.void", object=thing, purpose=why, facts=facts))
    log.warning(
        "number %d is void: %s",
        act.total_counter,
        OUTCOME,
        extra={"uid": requested_by, "signed_by": signed_by, "entry": booked.index},
    )
    return booked.index


def _open_act(conn: Connection, requested_by: str, signed_by: str) -> OpenAct:
    for act in store.open_acts(conn):
        if (act.requested_by, act.signed_by) == (requested_by, signed_by):
            return act
    raise VoidRefused("this pair has no open act")


def _label_of_ended(conn: Connection, signed_by: str) -> str:
    """The key's label; the element must be out of use first, so that nobody begins a pair with it meanwhile."""
    signer = next((one for one in store.all_signers(conn) if one.uid == signed_by), None)
    element = registry.secure_element(conn, signed_by)
    if signer is None or element is None:
        raise VoidRefused("no such signing element")
    if signer.state.takes_invoices and element.state is SecureElementState.ACTIVE:
        raise VoidRefused(f"retire the signing element first: tallystick vsdc retire {signed_by}")
    return signer.key_label


def _entry(conn: Connection, act: OpenAct, now: datetime, by: str, reason: str) -> NewEntry:
    """The same act gives the same body, so the ledger takes it once."""
    requester = registry.secure_element(conn, act.requested_by)
    assert requester is not None, "a pair refers to it"
    stored = Act.decode(act.record)
    body = msgspec.json.encode(
        {
            "actHash": sha256(stored.text).hex(),
            "outcome": OUTCOME,
            "requestHash": sha256(stored.request).hex(),
            "requestedBy": act.requested_by,
            "signedBy": act.signed_by,
            "totalCounter": act.total_counter,
            "type": "hosted-void",
        },
        order="sorted",
    )
    return NewEntry(
        kind=EntryKind.EVIDENCE,
        channel=Channel.VSDC,
        body=body,
        media_type=VOID_MEDIA_TYPE,
        received_at_ms=unix_ms(now),
        act_hash=sha256(stored.text),
        device=(act.requested_by, act.signed_by),
        tin=requester.tin,
        se_total=act.total_counter,
        facts={"kind": "hosted-void", "by": by, "reason": reason},
    )
