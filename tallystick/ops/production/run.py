"""A production run: the lines of a batch without a finished module, made side by side in processes, and resumed.

A module's keys take most of the time and are made inside it, so each process leads one module at a time; two processes
a core, since each waits for the disk now and then.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import attrs
import psycopg

from tallystick.authority.keys.operations import bind_card
from tallystick.authority.keys.queries import key_of
from tallystick.authority.keys.values import PACKAGE, POA
from tallystick.authority.reference.production import batches, queries
from tallystick.authority.reference.production.hardware import profile_of
from tallystick.authority.reference.production.lifecycle import IN_WORK
from tallystick.authority.reference.production.moving import STATION, Country
from tallystick.authority.reference.production.values import SPOILT_IN_A_ROW_MOST, Module
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.crypto.policy import install_registry
from tallystick.device.applet.contacts import Transmission
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import KeyUse
from tallystick.ops.child_process import end_with
from tallystick.ops.packs import load_pack
from tallystick.ops.pki_folder import open_pki
from tallystick.ops.pki_registry import enter_card
from tallystick.ops.production.boxes import Box, ReaderBox, VirtualBox
from tallystick.ops.production.keys import printer_public_key
from tallystick.ops.production.station import SPOILS, Station, StationPlan
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]


@attrs.frozen(slots=True, kw_only=True)
class RunPlan:
    """What a process needs to work at a batch; every value can be handed to another process."""

    batch_id: int
    dsn: str
    state: Path
    country: str
    api_url: str
    vsdc_url: str
    pki_url: str
    box: Path
    transmission: str = "1"


@attrs.frozen(slots=True)
class Made:
    """What became of one line: how many blanks were spoilt on the way, and why the last one."""

    line: int
    spoilt: int = 0
    because: str = ""


class RunStopped(Exception):
    """The run ends before its end; the message says why. Nothing is lost: the same run goes on from there."""


@attrs.frozen(slots=True)
class DemoIssuer:
    """The issuing authority of this country, as it stands in the folder of keys."""

    pki: DemoPki

    def issue(self, subject: CardSubject, spki: bytes, use: KeyUse, years: int, at: datetime) -> bytes:
        """The certificate in DER."""
        issue = self.pki.issue_secure_element if use is KeyUse.SIGNING else self.pki.issue_pki_client
        return issue(subject, spki, at=at, years=years)


def open_station(plan: RunPlan, conn: Connection, clock: Callable[[], datetime]) -> Station:
    """A working place for a batch that is open; raises ``TS-3064``."""
    pack, state = load_pack(plan.country), StateFolder(plan.state)
    install_registry(pack.algorithms)
    batch = batches.must_be_open(conn, plan.batch_id)
    conn.commit()
    pki = open_pki(state, pack, plan.pki_url)
    encryption_key, proof_key = pki.public_key(PACKAGE), pki.public_key(POA)
    with conn.transaction():
        package, poa = key_of(conn, PACKAGE, encryption_key).label, key_of(conn, POA, proof_key).label

    def enter(conn: Connection, module: Module, at: datetime) -> None:
        """The certificates stand on lists and in OCSP, and proofs are signed with the key that the module knows."""
        for profile, der in (("secure-element", module.certificate), ("pki-client", module.client_certificate)):
            assert der is not None, "what is recorded has been certified"
            enter_card(conn, pki, profile, der, module.known_number, module.seller.tin, STATION, at)
        bind_card(conn, module.known_number, poa)

    return Station(
        conn=conn,
        issuer=DemoIssuer(pki),
        clock=clock,
        enter=enter,
        plan=StationPlan(
            profile=profile_of(batch.profile),
            country=Country(environment=pack.environment, encryption_key=package, country=pack.country),
            api_url=plan.api_url,
            vsdc_url=plan.vsdc_url,
            categories=pack.max_category_order_id,
            encryption_key=encryption_key,
            proof_key=proof_key,
            printer_key=printer_public_key(state),
        ),
    )


def make_line(station: Station, box: Box, batch_id: int, line: int) -> Made:
    """A good module for a line, with as many blanks as that takes.

    Raises `RunStopped` after three spoilt ones in a row, and the faults and `CardUnavailable` that stop a station.
    """
    spoilt, because = 0, ""
    while spoilt < SPOILT_IN_A_ROW_MOST:
        module = station.take(batch_id, line)
        if module.state not in IN_WORK:
            break
        try:
            with box.insert(module) as port:
                station.make(module, port)
        except Fault as fault:
            if fault.code not in SPOILS:
                raise
            station.spoil(module, fault)
            spoilt, because = spoilt + 1, str(fault)
            continue
        break
    if spoilt == SPOILT_IN_A_ROW_MOST:
        raise RunStopped(f"line {line}: {spoilt} blanks spoilt one after the other, the last one by {because}")
    return Made(line, spoilt, because)


def run_batch(plan: RunPlan, clock: Callable[[], datetime], workers: int | None = None) -> Iterator[Made]:
    """Make what is left of a batch, side by side; gives each line as it is done. Raises `RunStopped`, faults."""
    with psycopg.connect(plan.dsn, autocommit=True) as conn, batches.held_run(conn, plan.batch_id):
        batches.must_be_open(conn, plan.batch_id)
        printer_public_key(StateFolder(plan.state))
        lines = queries.lines_to_make(conn, plan.batch_id)
        if lines:
            yield from _in_processes(plan, clock, lines, workers or 2 * (os.cpu_count() or 1))


def run_at_reader(
    plan: RunPlan, clock: Callable[[], datetime], reader: str, ask: Callable[[Module], None]
) -> Iterator[Made]:
    """The same with blanks that a person puts into a PC/SC reader one by one."""
    with psycopg.connect(plan.dsn, autocommit=True) as conn, batches.held_run(conn, plan.batch_id):
        lines = queries.lines_to_make(conn, plan.batch_id)
        with psycopg.connect(plan.dsn) as own:
            station = open_station(plan, own, clock)
            for line in lines:
                yield make_line(station, ReaderBox(reader=reader, ask=ask), plan.batch_id, line)


def _in_processes(plan: RunPlan, clock: Callable[[], datetime], lines: list[int], workers: int) -> Iterator[Made]:
    pool = ProcessPoolExecutor(
        min(workers, len(lines)),
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(plan, clock, os.getpid()),
    )
    waiting: list[Future[Made]] = []
    try:
        waiting = [pool.submit(_work, line) for line in lines]
        for done in as_completed(waiting):
            yield done.result()
    except BrokenProcessPool as error:
        raise RunStopped("a process of the run ended; run it again, it goes on from there") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_place: tuple[Station, Box, int] | None = None


def _begin(plan: RunPlan, clock: Callable[[], datetime], parent: int) -> None:
    """In each process of a run: connect, and end when the run's own process does."""
    global _place  # noqa: PLW0603 - one working place a process
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's: what is begun is finished, and no more
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # a module leaves hardly any cycles behind
    station = open_station(plan, psycopg.connect(plan.dsn), clock)
    box = VirtualBox(folder=plan.box, transmission=Transmission(plan.transmission))
    _place = station, box, plan.batch_id


def _work(line: int) -> Made:
    assert _place is not None, "a process begins before it works"
    station, box, batch_id = _place
    return make_line(station, box, batch_id, line)
