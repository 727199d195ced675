"""Officers who settle lost places of registers on a bench of batches; the worker's part is run by hand."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import attrs
import psycopg
from batch_bench import BatchBench

from benchmarks.national_till import NationalTill
from tallystick.authority.channels.ecr.batches.anchoring import DeviceCounters
from tallystick.authority.intake import deciding_many, decisions, many, many_store, places, settling
from tallystick.authority.intake.held import Decision, Held
from tallystick.authority.intake.many import Many
from tallystick.authority.intake.many_store import Progress
from tallystick.authority.intake.national.offline.readmitting import ReadmissionRules, entry_anew
from tallystick.authority.intake.readmission import DecisionServices, carry_out, publish_decisions
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Booked, Channel, NewEntry
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.ops.processes.decisions import tell
from tallystick.wire.document_jws import SignedDocument, read_signed

VERA, OMAR = Person("vera", PORTAL), Person("omar", PORTAL)
REASON = "a sector of the memory is unreadable, and the paper is gone"


def damaged(compact: bytes) -> bytes:
    """The record with one letter of its payload altered by the medium; its form is still that of a document."""
    head, payload, signature = compact.split(b".")
    middle = len(payload) // 2
    letter = b"A" if payload[middle : middle + 1] != b"A" else b"B"
    return b".".join((head, payload[:middle] + letter + payload[middle + 1 :], signature))


def unread(compact: bytes) -> bytes:
    """What a register puts where a record's bytes are gone: the place alone, under a signature of nothing."""
    head, _, _ = compact.split(b".")
    return b".".join((head, b"e30", b"A" * 86))


@attrs.define
class Officers:
    """Two of them, and what the worker does for them."""

    bench: BatchBench
    dies_after: int = 0

    def ask(self, held: Held, by: Person = VERA, reason: str = REASON) -> int:
        """Ask that what lacks before a document be settled."""
        with psycopg.connect(self.dsn) as conn:
            return places.ask(conn, DeviceCounters(), by, held.act_hash, reason, self.bench.now)

    def approve(self, number: int, by: Person = OMAR) -> None:
        """The second officer."""
        with psycopg.connect(self.dsn) as conn:
            approvals.approve(conn, number, by, self.bench.now)

    async def settle(self, held: Held) -> None:
        """Both of them, and the worker's round."""
        self.approve(self.ask(held))
        await self.work()

    def look(self, till: NationalTill, first: int = 0, last: int = many.NUMBER_MOST) -> Many:
        """What waits of a register."""
        with psycopg.connect(self.dsn) as conn:
            return many.look(conn, DeviceCounters(), till.uid, first, last)

    def ask_many(self, seen: Many, decision: Decision = Decision.READMIT, by: Person = VERA) -> int:
        """Ask for a decision about all that was seen."""
        with psycopg.connect(self.dsn) as conn:
            return many.ask(conn, by, seen, decision, REASON, self.bench.now)

    def newest_many(self) -> Progress:
        """How far the newest decision about many is."""
        with psycopg.connect(self.dsn) as conn:
            return max(many_store.newest(conn, 100), key=lambda one: one.request_id)

    async def decide(self, held: Held, decision: Decision) -> None:
        """Both of them about a document itself, and the worker's round."""
        with psycopg.connect(self.dsn) as conn:
            number = decisions.ask(conn, DeviceCounters(), VERA, held.act_hash, decision, REASON, self.bench.now)
        self.approve(number)
        await self.work()

    async def work(self) -> None:
        """A round of the worker."""
        await asyncio.to_thread(self._work)

    def _work(self) -> None:
        clock, services = (lambda: self.bench.now), self._services()
        with psycopg.connect(self.dsn) as conn:
            while settling.carry_out(conn, services, clock):
                continue
            settling.publish(conn, self.append, tell)
            while settling.follow(conn, services, clock, tell):
                continue
            while carry_out(conn, services, clock):
                continue
            while settling.follow(conn, services, clock, tell):
                continue
            while deciding_many.begin(conn, clock):
                continue
            while deciding_many.go_on(conn, services, clock):
                continue
            publish_decisions(conn, self.append)

    def append(self, entry: NewEntry) -> Booked:
        """To the sequencer; the worker dies behind the entry with that number, counted from 1."""
        booked = append_blocking(self.bench.bench.ledger.socket, entry)
        self.dies_after -= 1
        if not self.dies_after:
            raise RuntimeError("killed")
        return booked

    def _services(self) -> DecisionServices:
        rules = ReadmissionRules(national=self.bench.bench.rules, history=self.bench.withdrawals)

        def national(held: Held, channel: Channel) -> NewEntry:
            return asyncio.run(entry_anew(rules, held, channel))

        return DecisionServices(
            rules=cast("Any", None),  # nothing of TaxCore is decided here
            stores=cast("Any", None),
            counters=DeviceCounters(),
            append=self.append,
            wait=cast("Any", None),
            national=national,
        )

    @property
    def dsn(self) -> str:
        """The database."""
        return self.bench.bench.ledger.dsn

    def settled(self, till: NationalTill) -> list[tuple[int, int, bool, str]]:
        """Settled places of a register: first and last number, whether the ledger has them, why not."""
        query = (
            "SELECT first_place, last_place, entry_index IS NOT NULL, refusal FROM intake.settled_place"
            " WHERE uid = %s ORDER BY request_id"
        )
        return self.bench.bench.ledger.rows(query, till.uid)

    def hindrance(self, till: NationalTill, sequence: int) -> str:
        """Why a document that lies apart was not booked."""
        return self.bench.held(till, sequence).hindrance


def signed(compact: bytes) -> SignedDocument:
    """A document as it is read."""
    return read_signed(compact)
