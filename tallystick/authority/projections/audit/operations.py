"""What devices do to the audit room: ask for a proof, and report that one was executed. The caller's transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import attrs

from tallystick.authority.projections.audit import holdings, store
from tallystick.authority.projections.audit.kept import KeptApart
from tallystick.authority.projections.audit.values import Ranges, RequestState
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.wire.card import ArpContent
from tallystick.wire.ordinal_ranges import minus

log = logging.getLogger(__name__)

_SUPERSEDED = "TS-3103"


@attrs.frozen(slots=True)
class AuditDesk:
    """The service that releases a card's limit, as the device channel calls it.

    ``open_arp`` asks the unwrap process, blocking; raises ``TS-3101`` for everything that does not open.
    """

    open_arp: Callable[[bytes], bytes]
    apart: KeptApart

    def receive_request(
        self, conn: Connection, uid: str, payload: bytes, sum: Money, limit: Money, at: datetime, gone: Ranges = ()
    ) -> Ranges:
        """Take the request of a card's Start Audit; returns the ordinals that are missing for its proof (K-13).

        ``gone`` are ordinals that the device says it no longer has; those among them that are missing are kept for
        the officer to see, and decide nothing.

        The same request again changes nothing. A newer start supersedes older ones; an older one that comes late is
        kept and never proven (S2-115). Raises ``TS-3101`` (malformed) and ``TS-3102`` (of another card).
        """
        content = self.read_request(payload)
        if content.uid != uid:
            raise Fault("TS-3102", detail="the request is of another card than the session")
        store.lock_card(conn, uid)
        late = content.audit_sequence < store.newest_sequence(conn, uid)
        state, code = (RequestState.SUPERSEDED, _SUPERSEDED) if late else (RequestState.WAITING, "")
        request_id = store.add_request(conn, content, sum, limit, at, state, code)
        if request_id is not None and not late:
            store.supersede_older(conn, uid, content.audit_sequence, request_id)
            store.open_cycle(conn, uid, at)
        missing = () if late else holdings.missing(conn, self.apart, uid, content.total_counter)
        if gone:
            store.note_gone(conn, content, minus(missing, minus(missing, gone)))
        facts = {"uid": uid, "audit_sequence": content.audit_sequence, "missing": list(missing[:10])}
        log.info("an audit request arrived", extra=facts | {"superseded": late, "new": request_id is not None})
        return missing

    def read_request(self, payload: bytes) -> ArpContent:
        """What a card's request says; one fault in the same words for all that does not open or is none (K-11)."""
        try:
            return ArpContent.decode(self.open_arp(payload))
        except Fault as fault:
            if fault.code != "TS-3101":
                raise
            raise Fault("TS-3101", detail="not an audit request for this authority") from None

    def command_reported(self, conn: Connection, uid: str, command_id: UUID, success: bool, at: datetime) -> None:
        """A card's result for a command: an executed proof ends its cycle (S2-105), a failed one ends nothing (S2-118).

        Commands of other kinds, and results that were taken before, change nothing.
        """
        store.lock_card(conn, uid)
        reported = store.report_proof(conn, command_id, success, at)
        if reported is None or reported[1] != uid:
            return
        if not success:
            log.warning("a card refused its proof", extra={"uid": uid, "command_id": str(command_id)})
            return
        audit_sequence = store.end_request(conn, reported[0])
        store.end_cycle(conn, uid, reported[0], at)
        newer = store.newer_open(conn, uid, audit_sequence)
        if newer is not None:
            store.open_cycle(conn, uid, newer)
