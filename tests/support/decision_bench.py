"""A country whose officers decide upon quarantine, for tests: everything real, the worker's part run by hand."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from intake_live import ORIGIN
from public_live import LiveCountry, now

from benchmarks.package_maker import Card, sale, seal
from tallystick.authority.intake import decision_store, decisions
from tallystick.authority.intake.held import Decision, Held
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.package import Package
from tallystick.authority.intake.readmission import DecisionServices, carry_out, publish_decisions
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Booked, Channel, NewEntry
from tallystick.authority.ledger.sweep import SweepSources, full_check
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.projections.audit.counters import AuditedCounters
from tallystick.authority.reference.registry.operations import set_state
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.keys import PublicKey, load_private_key
from tallystick.crypto.signatures import verify_ed25519
from tallystick.kernel.faults import Fault
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.wire.audit_data import write_audit_data
from tallystick.wire.signed_note import KeyType, NoteKey

REASON = "the signer was only put on hold by mistake"
REVOKED, HOLD, ACTIVE = SecureElementState.REVOKED, SecureElementState.HOLD, SecureElementState.ACTIVE


@attrs.define
class Bench:
    """A country whose officers decide; the worker's part runs here as its role."""

    country: LiveCountry
    socket: Path
    worker: psycopg.Connection[Any]

    @property
    def card(self) -> Card:
        return self.country.card

    def state(self, state: SecureElementState, at: datetime | None = None, card: Card | None = None) -> None:
        """What the registry says of a card, in memory and in the database."""
        one = card or self.card
        self.country.live.put(one, state=state, revoked_at=at if state is REVOKED else None)
        with psycopg.connect(self.country.dsn) as conn:
            set_state(conn, one.uid, state, at or now())

    def send(self, at: datetime | None = None, **more: Any) -> tuple[int, bytes]:
        """Sell, and send in; the status and the package, to send again."""
        request, result = self.card.invoice(sale(**more), at or now())
        package = seal(write_audit_data(request, result), self.card.encryption_key)
        return self.again(package), package

    def again(self, package: bytes) -> int:
        return self.country.loop.run(self.country.live.submit(package, now())).status

    def waiting(self) -> list[Held]:
        return decision_store.waiting(self.worker, 100)

    def ask(
        self, held: Held, decision: Decision = Decision.READMIT, by: str = "vera", came_from: str = "portal"
    ) -> int:
        with psycopg.connect(as_role(self.country.dsn, PORTAL)) as conn:
            who = person(conn, by, "portal")
            return decisions.ask(conn, AuditedCounters(), who, held.act_hash, decision, REASON, now())

    def approve(self, number: int, by: str = "omar") -> None:
        with psycopg.connect(as_role(self.country.dsn, PORTAL)) as conn:
            approvals.approve(conn, number, person(conn, by, "portal"), now())

    def append(self, entry: NewEntry) -> Booked:
        return append_blocking(self.socket, entry)

    def services(self, append: Any = None) -> DecisionServices:
        def wait(judging: Awaitable[Package]) -> Package:
            async def judge() -> Package:
                return await judging

            return self.country.loop.run(judge())

        return DecisionServices(
            rules=self.country.live.rules,
            stores=Keeper(self.country.live.pool.connection),
            counters=AuditedCounters(),
            append=append or self.append,
            wait=wait,
            national=_nothing_national,
        )

    def carry_out(self) -> bool:
        done = carry_out(self.worker, self.services(), now)
        publish_decisions(self.worker, self.append)
        return done

    def decide(self, held: Held, decision: Decision = Decision.READMIT) -> Held:
        self.approve(self.ask(held, decision))
        assert self.carry_out()
        self.country.loop.run(self.country.live.shown())
        after = decision_store.held(self.worker, held.act_hash)
        assert after is not None
        return after

    def leaves(self) -> list[int]:
        """Kinds of the ledger's entries in their order."""
        return [
            row[0] for row in self.country.live.rows("SELECT get_byte(leaf, 4) FROM ledger.leaves ORDER BY log_index")
        ]

    def check(self) -> None:
        """The whole ledger agrees with itself."""
        key = load_private_key(self.socket.parent / "log-key.pem").public.raw

        def verify(public: bytes, message: bytes, signature: bytes) -> None:
            verify_ed25519(PublicKey.from_raw(public), message, signature)

        keys = (NoteKey(ORIGIN, KeyType.LOG, key),)
        sources = SweepSources(mirror_folder=self.socket.parent / "mirror", keys=keys, check=verify)
        assert not [str(one) for one in full_check(self.country.dsn, sources)]


def fault_of(work: Any) -> str:
    """The code of the fault that this raises."""
    with pytest.raises(Fault) as raised:
        work()
    return raised.value.code


def _nothing_national(held: Held, channel: Channel) -> NewEntry:
    raise AssertionError("nothing here came by a national channel")
