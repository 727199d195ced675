"""What persons do at the desk of production: batches, modules, printing, as the portal's role does it.

A shell is somebody's account: two names used from one account are one person, so who asked here cannot approve here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import attrs
import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches, custody, printing, queries, tasks
from tallystick.authority.reference.production.custody import Account
from tallystick.authority.reference.production.lifecycle import Deed, State
from tallystick.authority.reference.production.values import Batch, Counts, Module, PrintJob, PrintKind
from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.keys import PrivateKey
from tallystick.crypto.pin_letters import open_pin
from tallystick.kernel.fixed_point import Money
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.paper.modules import ModuleFace, PinLetter, pin_letters, visual_sheets

Connection = psycopg.Connection[Any]
Result = TypeVar("Result")


@attrs.frozen(slots=True, kw_only=True)
class OpeningOrder:
    """What the first person says of a batch: the order's bytes, and what was counted and agreed."""

    order: bytes
    profile: str
    blanks: int
    years: int
    usual_limit: Money
    reason: str


@attrs.frozen(slots=True, kw_only=True)
class ProductionDesk:
    """The deeds of one shell. They raise the room's faults."""

    dsn: str
    came_from: str
    clock: Callable[[], datetime]

    @property
    def station_dsn(self) -> str:
        """How a station reaches the database."""
        return as_role(self.dsn, INTAKE)

    @contextmanager
    def station_connection(self) -> Iterator[Connection]:
        """A connection of the station's role."""
        with psycopg.connect(self.station_dsn) as conn:
            yield conn

    def ask_to_open(self, username: str, what: OpeningOrder) -> Batch:
        """Prepare a batch and ask for the second person."""
        return self._do(
            username,
            lambda conn, by: batches.ask_to_open(
                conn,
                what.order,
                profile=what.profile,
                blanks=what.blanks,
                years=what.years,
                usual_limit=what.usual_limit,
                reason=what.reason,
                by=by,
                at=self.clock(),
            ),
        )

    def approve(self, username: str, batch_id: int) -> Batch:
        """Open it, as the second person."""
        return self._do(username, lambda conn, by: batches.approve(conn, batch_id, by, self.clock()))

    def refuse(self, username: str, batch_id: int) -> None:
        """Refuse it, or take one's own request back."""
        self._do(username, lambda conn, by: batches.refuse(conn, batch_id, by, self.clock()))

    def close(self, username: str, batch_id: int, *, left: int, spoilt: int) -> Counts:
        """Close it with what was counted."""
        return self._do(
            username, lambda conn, by: batches.close(conn, batch_id, left=left, spoilt=spoilt, by=by, at=self.clock())
        )

    def do(self, username: str, number: str, deed: Deed, account: Account) -> State:
        """Do something to one module; its new state."""
        return self._do(username, lambda conn, by: custody.do(conn, number, deed, account, by, self.clock()))

    def put_in_stock(self, username: str, batch_id: int) -> int:
        """Take what is ready into stock; how many."""
        return self._do(username, lambda conn, by: custody.put_in_stock(conn, batch_id, by, self.clock()))

    def visual(self, username: str, batch_id: int, issuer: str, logo: bytes | None) -> tuple[PrintJob, bytes]:
        """The next sheets of visual data."""
        return self._do(
            username,
            lambda conn, by: _sheets(
                conn, printing.make_job(conn, batch_id, PrintKind.VISUAL, by, self.clock()), issuer, logo
            ),
        )

    def again(
        self, username: str, numbers: list[str], kind: PrintKind, reason: str, issuer: str, logo: bytes | None
    ) -> tuple[PrintJob, bytes]:
        """The visual data of some modules once more."""
        return self._do(
            username,
            lambda conn, by: _sheets(
                conn, printing.reprint(conn, numbers, kind, reason, by, self.clock()), issuer, logo
            ),
        )

    def letters(self, username: str, batch_id: int, issuer: str, key: PrivateKey) -> tuple[PrintJob, bytes]:
        """The next PIN letters. The PDF has the PINs: it goes to the printer and nowhere else."""

        def make(conn: Connection, by: Person) -> tuple[PrintJob, bytes]:
            job = printing.make_job(conn, batch_id, PrintKind.LETTERS, by, self.clock())
            pins = printing.sealed_pins(conn, job)
            made = [
                PinLetter(
                    number=module.known_number,
                    pin=open_pin(pins[module.module_id], module.known_number, key),
                    addressee=(
                        module.seller.business_name,
                        module.seller.location_name,
                        module.seller.address,
                        module.seller.city,
                    ),
                    place=_place(module),
                )
                for module in printing.modules_of(conn, job)
            ]
            return job, pin_letters(made, issuer, f"Batch {job.batch_id}, printing job {job.job_id}")

        return self._do(username, make)

    def printed(self, username: str, job_id: int, count: int | None) -> PrintJob:
        """Confirm a job, or the first pages of it."""
        return self._do(username, lambda conn, by: printing.confirm(conn, job_id, count, by, self.clock()))

    def repeat_report(self, username: str, report_id: int) -> None:
        """Send a refused report again."""
        self._do(username, lambda conn, by: tasks.repeat_report(conn, report_id, by, self.clock()))

    def look(self, ask: Callable[[Connection], Result]) -> Result:
        """Ask the room something that concerns nobody."""
        with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
            return ask(conn)

    def read(self, thing: str, ask: Callable[[Connection], Result]) -> Result:
        """Ask the room about a batch or a module with its taxpayers; that it was read is an act."""
        with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
            found = ask(conn)
            self._note(conn, "production.read", thing)
            return found

    def begin_run(self, batch_id: int) -> None:
        """A run begins: whoever starts the station is named first."""
        with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
            self._note(conn, "production.run", f"batch {batch_id}")

    def begin_report(self) -> None:
        """The tax service is told now, by a person."""
        with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
            self._note(conn, "production.report", "what is due")

    def _note(self, conn: Connection, verb: str, thing: str) -> None:
        activity.record(conn, Act(at=self.clock(), actor=self.came_from, verb=verb, object=thing))

    def batches(self) -> list[Batch]:
        """The newest batches."""
        return self.look(queries.batches)

    def _do(self, username: str, deed: Callable[[Connection, Person], Result]) -> Result:
        with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
            return deed(conn, batches.person(conn, username, self.came_from))


def _sheets(conn: Connection, job: PrintJob, issuer: str, logo: bytes | None) -> tuple[PrintJob, bytes]:
    faces = [
        ModuleFace(
            number=module.known_number,
            form_factor=module.form_factor,
            valid_until=read_card_certificate(module.certificate or b"").not_after.date(),
            place=_place(module),
        )
        for module in printing.modules_of(conn, job)
    ]
    return job, visual_sheets(faces, issuer, f"Batch {job.batch_id}, printing job {job.job_id}", logo)


def _place(module: Module) -> str:
    return f"batch {module.batch_id}, blank {module.slot}"


@contextmanager
def open_production_desk(settings: Settings, clock: Callable[[], datetime]) -> Iterator[ProductionDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield ProductionDesk(dsn=owner, came_from=shell(), clock=clock)
