"""The demonstration's tax authority: its own system as a process beside the operator's, and what it has at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import attrs
import msgspec
import psycopg

from tallystick.authority.projections.taxservice import queries
from tallystick.authority.projections.taxservice.queries import Span
from tallystick.authority.projections.taxservice.values import State
from tallystick.kit.http_call import Away, call
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.ops.supervisor import ChildSpec, ready_by_file
from tallystick.simulation.tax_service import PORT_FILE

_PAUSE_SECONDS = 0.2


class _Count(msgspec.Struct, frozen=True):
    documents: int
    times: int


@attrs.frozen
class TaxOffice:
    """The counterpart of the queue, unless the settings name a service of their own."""

    state: StateFolder
    settings: Settings

    @property
    def is_ours(self) -> bool:
        """Whether the demonstration plays it."""
        return not self.settings.tax_service_url

    def specs(self) -> list[ChildSpec]:
        """The process to start. It gets no address of the database and no key of the authority."""
        if not self.is_ours:
            return []
        folder = self.state.demo / "tax-service"
        (folder / PORT_FILE).unlink(missing_ok=True)
        command = ("sandbox", "tax-service", "--folder", str(folder))
        return [
            ChildSpec(
                name="tax-service",
                argv=(sys.executable, "-m", "tallystick", *command),
                log_file=self.state.logs / "tax-service.log",
                environment={"TALLYSTICK_DATABASE_URL": ""},
                ready=ready_by_file(folder / PORT_FILE),
            )
        ]

    @property
    def url(self) -> str:
        """Where documents go, once it is started."""
        if not self.is_ours:
            return self.settings.tax_service_url
        file = self.state.demo / "tax-service" / PORT_FILE
        return f"http://127.0.0.1:{file.read_text()}/documents" if file.exists() else ""

    def received(self) -> int | None:
        """How many documents it has, as it says itself; none when it is somebody else's, or does not answer."""
        if not self.is_ours:
            return None
        try:
            return msgspec.json.decode(call(self.url.replace("/documents", "/count")).body, type=_Count).documents
        except (Away, msgspec.DecodeError):
            return None


@attrs.frozen
class Handed:
    """What of the ledger has gone on: documents in it, those accepted, and what the office itself says that it has."""

    documents: int
    accepted: int
    received: int | None

    @property
    def is_all(self) -> bool:
        """Whether nothing is on its way, and both sides count the same."""
        return self.documents == self.accepted == (self.accepted if self.received is None else self.received)

    @property
    def line(self) -> str:
        """For people."""
        there = self.accepted if self.received is None else self.received
        return f"{'documents at the tax service':<32}{there:,} of {self.documents:,}"


def wait_until_handed(
    conn: psycopg.Connection[Any], office: TaxOffice, seconds: float, stopped: Callable[[], bool]
) -> Handed:
    """Wait until every document has gone on, so long at most."""
    until = time.monotonic() + seconds
    while True:
        handed = _look(conn, office)
        if handed.is_all or stopped() or time.monotonic() >= until:
            return handed
        time.sleep(_PAUSE_SECONDS)


def _look(conn: psycopg.Connection[Any], office: TaxOffice) -> Handed:
    """What the fold has not come to yet counts as a document that is missing there."""
    behind, states = queries.standing(conn).behind, queries.types(conn, Span.ALL, system_clock()).states
    return Handed(states.total() + behind, states[State.ACCEPTED], office.received())
